"""What each page shows, a module each."""
