"""Benchmarks of Penstock against floors and peers, and evaluations of its predictions; see README.md."""
