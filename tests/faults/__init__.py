"""Promises under faults: a checker of what a deployment put out, and a simulation that is made to fail."""
