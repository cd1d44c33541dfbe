"""Scores of candidate, champion and baseline on rows that the candidate was not trained on."""
