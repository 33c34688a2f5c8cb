-- Delete schedules. $2: [name, ...]
DELETE FROM kiribi.schedule WHERE name = ANY (kiribi.texts($2::text))
