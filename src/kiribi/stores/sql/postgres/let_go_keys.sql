-- Show others that this session listens for these no more. $2: [key, ...]
SELECT pg_advisory_unlock_shared(hashtextextended(key, 0)) FROM unnest($2::text[]) AS wanted (key)
