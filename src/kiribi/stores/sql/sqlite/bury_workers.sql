-- Declare workers dead, unless they are. ?2: {id: reason}
UPDATE worker SET dead_reason = dead.value FROM json_each(?2) AS dead
WHERE worker.id = dead.key AND dead_reason IS NULL
