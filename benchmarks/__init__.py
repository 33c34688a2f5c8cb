"""The figures of Kiribi beside its peers and the bare database: `python -m benchmarks`."""
