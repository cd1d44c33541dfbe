"""What Penstock claims of its speed, measured against floors and peers in one run; see README.md."""
