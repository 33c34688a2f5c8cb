-- Abort the batch unless this is the next step of a running action, which is locked.
-- $2: id, $3: its last step
INSERT INTO kiribi.stale_action (id)
SELECT $2::text WHERE NOT EXISTS (
  SELECT 1 FROM kiribi.action WHERE id = $2 AND step = $3::integer AND status = 'RUNNING'
)
