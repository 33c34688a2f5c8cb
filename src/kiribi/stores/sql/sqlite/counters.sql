-- What there is now, per binding, and how often anything changed. ?2: bindings; NULL: all
SELECT binding, sum(pending), sum(processing), sum(retry_pending), sum(completed), sum(failed),
  sum(cancelled), sum(changes)
FROM stat
WHERE span_ms IN (0, 60000) AND (?2 IS NULL OR binding IN (SELECT value FROM json_each(?2)))
GROUP BY binding
