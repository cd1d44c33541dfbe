"""The steps that a plan may hold, by subject."""
