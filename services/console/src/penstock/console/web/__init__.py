"""The console in a browser: what runs, what it scores, why, and the commands that people give."""
