-- Abort the batch if a schedule is not as it was, or (alone) its last job has not ended. Schedules are
-- locked. $2: [[name, definition or null if there was none, next_ms, paused, alone], ...]
INSERT INTO kiribi.schedule_conflict (name)
SELECT was ->> 0
FROM jsonb_array_elements($2::jsonb) AS was LEFT JOIN kiribi.schedule ON schedule.name = was ->> 0
WHERE schedule.definition IS DISTINCT FROM was ->> 1
  OR schedule.next_ms IS DISTINCT FROM (was ->> 2)::bigint
  OR coalesce(schedule.paused, false) <> (was ->> 3)::boolean
  OR (was ->> 4)::boolean AND EXISTS (SELECT 1 FROM kiribi.job_open WHERE id = schedule.last_job)
