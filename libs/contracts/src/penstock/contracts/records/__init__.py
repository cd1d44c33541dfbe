"""Every record that a topic holds."""
