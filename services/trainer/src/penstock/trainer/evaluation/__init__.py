"""Candidate, champion and baseline on rows the candidate has not seen."""
