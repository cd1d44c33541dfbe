"""The child processes of the server."""
