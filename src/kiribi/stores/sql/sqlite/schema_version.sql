-- How many migrations the schema has.
SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'schema_version'
