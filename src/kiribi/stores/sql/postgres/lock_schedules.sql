-- Let nobody else change schedules until the end: also those that are not there yet.
SELECT pg_advisory_xact_lock(hashtextextended('kiribi.schedule', 0))
