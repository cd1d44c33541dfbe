"""Checks, deduplicates and places every record."""
