"""On the Workers runtime, beside a replay of npm kiribi."""
