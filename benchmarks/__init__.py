"""The figures of Kiribi on SQLite beside a peer and the bare database: `python -m benchmarks`."""
