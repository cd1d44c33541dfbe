"""Bugs to plant: each makes a part of the deployment break a promise."""
