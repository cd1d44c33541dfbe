"""Sending news of an alert to a destination."""
