"""The edge on Kafka, with Faust."""
