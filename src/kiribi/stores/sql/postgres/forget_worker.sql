-- Forget a worker all of whose jobs have been settled, and what it had noted down: nobody looks. $2: id
WITH noted AS (DELETE FROM kiribi.claim WHERE worker = $2::text)
DELETE FROM kiribi.worker WHERE id = $2
