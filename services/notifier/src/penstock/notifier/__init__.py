"""Tells people of alerts."""
