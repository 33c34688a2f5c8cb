-- Stop (?3 = 1) or resume (0) claiming a binding's jobs, known or not. ?2: name
INSERT INTO binding (name, paused) VALUES (?2, ?3)
ON CONFLICT DO UPDATE SET paused = excluded.paused WHERE paused <> excluded.paused
