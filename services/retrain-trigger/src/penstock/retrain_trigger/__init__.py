"""Decides when retraining is worth it."""
