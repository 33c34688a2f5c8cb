"""Who drives: a local worker under its supervisor, or a platform's callbacks."""
