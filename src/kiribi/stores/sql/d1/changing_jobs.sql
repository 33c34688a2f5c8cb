-- The jobs about to be changed: the first step of apply_changes, whose parameter this takes.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
SELECT id,
  CASE
    WHEN one.value ->> 3 IN ('COMPLETED', 'FAILED', 'CANCELLED') THEN NULL
    WHEN cancel_requested AND one.value ->> 7 IS NOT NULL
      AND one.value ->> 3 IN ('PENDING', 'RETRY_PENDING') THEN NULL
    ELSE 1 END AS open,
  EXISTS (SELECT 1 FROM dependency WHERE on_id = id) AS awaited
FROM elements(?2) AS one CROSS JOIN job
  ON id = one.value ->> 0 AND coalesce(worker, status) = one.value ->> 1
  AND attempts = one.value ->> 2
WHERE (one.value ->> 11 <> 1 OR due = 253402300799999)
  AND (one.value ->> 11 <> 2 OR unique_key IS NULL OR unique_held = 1 OR unique_until <= (SELECT now FROM clock))
