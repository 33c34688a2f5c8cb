-- Let no claim count what the limits of these bindings allow until the end. $2: [name, ...]
SELECT kiribi.lock_binding(name) FROM unnest(kiribi.texts($2)) AS name
