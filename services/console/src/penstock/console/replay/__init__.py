"""Sending a file's rows through a deployment, as a live stream or as history, and reporting on it."""
