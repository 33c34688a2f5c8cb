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

-- JSON text as jsonb, which refuses a NUL and half of a surrogate pair: these stay as they are escaped.
-- NULL: it cannot be read at all, nested too deep or a number too great.
CREATE FUNCTION kiribi.readable(body text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN CASE WHEN body ~ '\\u(0000|[dD][89a-fA-F])' THEN regexp_replace(
    replace(body, '\\', '\u005c'),
    '\\u(?=0000|d[89ab]..(?!\\ud[c-f])|d[c-f])(?<!\\ud[89ab]..\\u(?=d[c-f]))', '\\\\u', 'gi'
  ) ELSE body END::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  RETURN NULL;
END $$;

-- The texts of a JSON list.
CREATE FUNCTION kiribi.texts(list text) RETURNS text[] LANGUAGE sql IMMUTABLE AS
$$ SELECT ARRAY(SELECT jsonb_array_elements_text(kiribi.readable(list))) $$;

-- Whether two JSON texts say the same. Each backslash is doubled: it must not look like what is readable
-- of a NUL.
CREATE FUNCTION kiribi.same_json(one text, other text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT one = other OR coalesce(
    kiribi.readable(replace(one, '\\', '\\\\'))::text = kiribi.readable(replace(other, '\\', '\\\\'))::text,
    false
  )
$$;

-- A path of a field as jsonpath; NULL: none can be like that.
CREATE FUNCTION kiribi.path(path text) RETURNS jsonpath LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN ('strict ' || path)::jsonpath;
EXCEPTION WHEN syntax_error OR data_exception THEN
  RETURN NULL;
END $$;

UPDATE kiribi.meta SET value = value::integer + 1 WHERE key = 'schema_version';
