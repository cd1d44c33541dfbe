"""The commonest faults of a deployment on one machine, each tried by a function of its own."""
