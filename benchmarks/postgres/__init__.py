"""The figures of Kiribi on PostgreSQL beside its peers there: groups `pg-…` of the benchmarks."""
