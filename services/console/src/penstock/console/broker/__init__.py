"""Apache Kafka and Zipkin on this machine, and the Java they run on."""
