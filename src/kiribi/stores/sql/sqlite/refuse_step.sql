-- Abort the batch unless this is the next step of a running action. ?2: id, ?3: its last step
INSERT INTO stale_action (id)
SELECT ?2 WHERE NOT EXISTS (SELECT 1 FROM action WHERE id = ?2 AND step = ?3 AND status = 'RUNNING')
