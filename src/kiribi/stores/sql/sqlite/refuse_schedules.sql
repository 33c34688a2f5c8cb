-- Abort the batch if a schedule is not as it was, or (alone) its last job has not ended.
-- ?2: [[name, definition or null if there was none, next_ms, paused, alone], ...]
INSERT INTO schedule_conflict (name)
SELECT was.value ->> 0
FROM json_each(?2) AS was LEFT JOIN schedule ON schedule.name = was.value ->> 0
WHERE schedule.definition IS NOT was.value ->> 1
  OR schedule.next_ms IS NOT was.value ->> 2
  OR coalesce(schedule.paused, 0) <> was.value ->> 3
  OR (was.value ->> 4 AND EXISTS (SELECT 1 FROM job WHERE id = schedule.last_job AND open = 1))
