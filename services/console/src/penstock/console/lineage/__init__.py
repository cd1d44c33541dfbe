"""What answered, and what led to it: read from the log when somebody asks."""
