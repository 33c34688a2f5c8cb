-- The time now, however long the transaction has lasted: `now` is when that began.
SELECT kiribi.clock_ms()
