-- Small functions that statements share.

-- The bucket of a time in milliseconds: see stat.
CREATE FUNCTION kiribi.bucket(ms bigint) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN ms > 0 THEN ceil(4 * (ln(ms::double precision) / ln(2::double precision)))::integer
  WHEN ms = 0 THEN -1 END $$;

-- A history with one more attempt, the last twenty of them.
CREATE FUNCTION kiribi.later(history text, attempt json) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN json_array_length(history::json) < 20
  THEN left(history, -1) || ',' || attempt || ']'
  ELSE '[' || (
    SELECT string_agg(one::text, ',' ORDER BY place)
    FROM json_array_elements(history::json) WITH ORDINALITY AS earlier (one, place) WHERE place > 1
  ) || ',' || attempt || ']' END $$;

UPDATE kiribi.meta SET value = value::integer + 1 WHERE key = 'schema_version';
