-- Have the open jobs that new ones wait for stay open until the end: whoever ends them must see that
-- somebody waits. $2: [[job_id, if_failed, on_id], ...]
SELECT kiribi.lock_open(ARRAY(SELECT asked ->> 2 FROM jsonb_array_elements($2::jsonb) AS asked))
