"""What is asked of the broker about topics."""
