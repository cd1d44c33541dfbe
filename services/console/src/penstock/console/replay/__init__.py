"""Rows of a file through a deployment, and what came of them."""
