-- The time now, however long the transaction has lasted: `now` is when that began.
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
