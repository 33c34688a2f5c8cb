-- Put in force what workers registered and what was set at run time; where keys may do more or less than
-- before, their lanes hear of it. $2: [name, ...]
WITH asked AS (
  SELECT name AS bound, 
    jsonb_strip_nulls(coalesce(limits, '{}')::jsonb) || coalesce(override, '{}')::jsonb AS given,
    key_concurrency AS one, key_interval_us AS two, key_burst AS three
  FROM kiribi.binding WHERE name = ANY (kiribi.texts($2))
),
changed AS (
  UPDATE kiribi.binding SET
    concurrency = (nullif(given -> 'concurrency', 'false'))::integer,
    key_concurrency = (nullif(given -> 'concurrency_per_key', 'false'))::integer,
    interval_us = ceil(
      trunc((given #> '{rate_limit,per}')::numeric * 1000000) / (given #> '{rate_limit,limit}')::integer
    ),
    burst = (given #> '{rate_limit,burst}')::bigint,
    key_interval_us = ceil(
      trunc((given #> '{rate_limit_per_key,per}')::numeric * 1000000)
        / (given #> '{rate_limit_per_key,limit}')::integer
    ),
    key_burst = (given #> '{rate_limit_per_key,burst}')::bigint,
    budget = (given #> '{retry_budget,failures}')::integer,
    probe_ms = trunc((given #> '{retry_budget,probe}')::numeric * 1000),
    -- without a budget nothing is counted, and no breaker stays open
    streak = CASE WHEN given #> '{retry_budget,failures}' IS NOT NULL THEN streak ELSE 0 END,
    probe_at_ms = CASE WHEN given #> '{retry_budget,failures}' IS NOT NULL THEN probe_at_ms END
  FROM asked WHERE name = bound
  RETURNING name, (one, two, three) IS DISTINCT FROM (key_concurrency, key_interval_us, key_burst) AS keys
)
INSERT INTO kiribi.lane_event (binding, key)
SELECT binding, key FROM changed JOIN kiribi.lane ON lane.binding = changed.name WHERE changed.keys
