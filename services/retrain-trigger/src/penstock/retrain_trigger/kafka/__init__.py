"""Consuming from Kafka with Faust."""
