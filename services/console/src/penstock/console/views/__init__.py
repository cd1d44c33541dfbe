"""What commands show: reports read from the log, tables for the terminal, and JSON documents."""
