"""Quality of the newest answers of a stream, read from the log when it is asked for."""
