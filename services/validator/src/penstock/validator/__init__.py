"""Checks and deduplicates received records, and writes each to its topic."""
