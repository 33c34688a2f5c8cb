"""A manager elsewhere, spoken to by REST: what commands take in place of one on a database."""
