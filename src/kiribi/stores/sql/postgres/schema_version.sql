-- How many migrations the schema has.
SELECT value::integer FROM kiribi.meta WHERE key = 'schema_version'
