"""What runs in a cell: Penstock as it ships, and its peers."""
