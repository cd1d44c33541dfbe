"""Starts, watches and stops a service."""
