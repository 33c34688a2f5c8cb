-- Which chosen ids exist with other content; JSON is compared as values.
-- ?2: [[id, binding, payload, options], ...]
SELECT job.id
FROM json_each(?2) AS new
JOIN job ON job.id = new.value ->> 0
LEFT JOIN payload ON payload.job_id = job.id
WHERE job.binding <> new.value ->> 1
  OR EXISTS (
    SELECT fullkey, type, atom FROM json_tree(coalesce(job.payload, body))
    EXCEPT SELECT fullkey, type, atom FROM json_tree(new.value ->> 2)
  )
  OR EXISTS (
    SELECT fullkey, type, atom FROM json_tree(new.value ->> 2)
    EXCEPT SELECT fullkey, type, atom FROM json_tree(coalesce(job.payload, body))
  )
  OR EXISTS (
    SELECT fullkey, type, atom FROM json_tree(coalesce(job.options, '{}'))
    EXCEPT SELECT fullkey, type, atom FROM json_tree(coalesce(new.value ->> 3, '{}'))
  )
  OR EXISTS (
    SELECT fullkey, type, atom FROM json_tree(coalesce(new.value ->> 3, '{}'))
    EXCEPT SELECT fullkey, type, atom FROM json_tree(coalesce(job.options, '{}'))
  )
