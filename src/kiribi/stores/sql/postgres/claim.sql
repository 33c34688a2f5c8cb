-- Take the best due jobs, or the best of chosen ones: see the function.
-- $2: worker, $3: pool, $4: token, $5: tried before, $6: token of the last claim, $7: held ids,
-- $8: bindings, $9: the floor of each, $10: how many, $11: ids, or NULL
SELECT * FROM kiribi.claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
