"""Where the service touches the outside."""
