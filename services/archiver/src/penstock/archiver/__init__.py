"""Keeps what was answered, and why, as Parquet that outlives the topics."""
