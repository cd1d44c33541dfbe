"""The report of a replay as a page: one HTML file that loads nothing else."""
