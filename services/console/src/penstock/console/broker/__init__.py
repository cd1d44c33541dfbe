"""Apache Kafka on this machine, and the Java and the archives it runs on."""
