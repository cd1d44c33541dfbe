"""Kafka behind the ports of the bus."""
