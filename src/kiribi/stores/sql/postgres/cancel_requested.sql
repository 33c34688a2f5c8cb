-- Which of these running jobs are asked to stop. $2: ids
SELECT id FROM kiribi.job
WHERE shelf = 0 AND id = ANY (kiribi.texts($2)) AND cancel_requested AND status = 'PROCESSING'
