-- Show others that this session listens for these. $2: [key, ...]
SELECT pg_advisory_lock_shared(hashtextextended(key, 0)) FROM unnest($2::text[]) AS wanted (key)
