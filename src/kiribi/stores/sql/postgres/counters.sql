-- What there is now, per binding, and how often anything changed. $2: bindings; NULL: all
SELECT binding, sum(pending)::bigint, sum(processing)::bigint, sum(retry_pending)::bigint,
  sum(completed)::bigint, sum(failed)::bigint, sum(cancelled)::bigint, sum(changes)::bigint
FROM kiribi.figure
WHERE span_ms IN (0, 60000) AND ($2::text IS NULL OR binding = ANY (kiribi.texts($2)))
GROUP BY binding
