"""Supervision of child processes: started in order, watched, restarted with a back-off, and stopped."""
