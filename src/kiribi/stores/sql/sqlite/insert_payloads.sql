-- Store payloads too long for the job's row. ?2: [[job_id, body], ...]
INSERT INTO payload (job_id, body)
SELECT value ->> 0, value ->> 1 FROM json_each(?2) WHERE true
ON CONFLICT DO NOTHING
