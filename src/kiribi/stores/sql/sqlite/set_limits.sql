-- Put in force what workers registered and what was set at run time. ?2: [name, ...]
WITH asked AS (
  SELECT name AS bound, json_patch(coalesce(limits, '{}'), coalesce(override, '{}')) AS limits
  FROM json_each(?2) AS chosen CROSS JOIN binding ON name = chosen.value
)
UPDATE binding SET
  concurrency = nullif(asked.limits ->> '$.concurrency', 0),
  key_concurrency = nullif(asked.limits ->> '$.concurrency_per_key', 0),
  interval_us = (CAST(asked.limits ->> '$.rate_limit.per' * 1000000 AS INTEGER)
    + (asked.limits ->> '$.rate_limit.limit') - 1) / (asked.limits ->> '$.rate_limit.limit'),
  burst = asked.limits ->> '$.rate_limit.burst',
  key_interval_us = (CAST(asked.limits ->> '$.rate_limit_per_key.per' * 1000000 AS INTEGER)
    + (asked.limits ->> '$.rate_limit_per_key.limit') - 1)
    / (asked.limits ->> '$.rate_limit_per_key.limit'),
  key_burst = asked.limits ->> '$.rate_limit_per_key.burst',
  budget = asked.limits ->> '$.retry_budget.failures',
  probe_ms = CAST(asked.limits ->> '$.retry_budget.probe' * 1000 AS INTEGER),
  -- without a budget nothing is counted, and no breaker stays open
  streak = iif(asked.limits ->> '$.retry_budget.failures' IS NULL, 0, streak),
  probe_at_ms = iif(asked.limits ->> '$.retry_budget.failures' IS NULL, NULL, probe_at_ms)
FROM asked WHERE name = bound
