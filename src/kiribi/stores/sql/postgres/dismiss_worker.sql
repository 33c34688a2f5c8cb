-- Forget a worker that holds no job, and what it had noted down: see the function. $2: id
SELECT kiribi.dismiss_worker($2)
