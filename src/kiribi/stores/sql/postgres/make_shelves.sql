-- Make the shelves of today and tomorrow, so that no settle has to.
SELECT kiribi.make_shelf(number)
FROM (SELECT (2 * (coalesce($1::bigint, kiribi.now_ms()) / 86400000))::integer AS today) AS clock,
  generate_series(today, today + 3) AS number
