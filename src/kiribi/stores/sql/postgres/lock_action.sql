-- Let nobody else carry out a step of an action until the end. $2: its id
SELECT id FROM kiribi.action WHERE id = $2::text FOR UPDATE
