"""Trains, evaluates and packages candidates."""
