"""Sources: topics of somebody else, whose messages are mapped to events and labels."""
