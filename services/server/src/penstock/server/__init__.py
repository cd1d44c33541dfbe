"""Answers events with the model that serves."""
