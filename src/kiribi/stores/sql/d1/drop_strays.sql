-- Drop what the upserts of this batch inserted for ids that are gone.
DELETE FROM job WHERE open = 1 AND binding = ''
