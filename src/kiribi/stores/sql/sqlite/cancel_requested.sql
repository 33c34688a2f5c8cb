-- Which of these running jobs are asked to stop. ?2: ids
SELECT id FROM job
WHERE id IN (SELECT value FROM json_each(?2)) AND cancel_requested = 1 AND status = 'PROCESSING'
