"""What services share at their HTTP edge."""
