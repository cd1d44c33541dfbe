"""What a deployment on this machine consists of: ports, keys, services."""
