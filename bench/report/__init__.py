"""Results, the terminal, and docs/benchmarks.md."""
