"""Rows as columns, their encoding, and features of the past."""
