"""What commands show: tables and JSON documents."""
