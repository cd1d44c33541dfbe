"""Search over families and their settings."""
