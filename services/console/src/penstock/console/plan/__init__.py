"""Planning a deployment on this machine: its ports, keys and services."""
