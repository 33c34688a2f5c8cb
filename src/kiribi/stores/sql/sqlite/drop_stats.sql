-- Drop what was rolled up. ?2: span_ms, ?3: before
DELETE FROM stat WHERE span_ms = ?2 AND at_ms < ?3
