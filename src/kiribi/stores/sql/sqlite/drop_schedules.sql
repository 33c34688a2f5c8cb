-- Delete schedules. ?2: [name, ...]
DELETE FROM schedule WHERE name IN (SELECT value FROM json_each(?2))
