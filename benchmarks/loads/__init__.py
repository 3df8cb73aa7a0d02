"""What is measured in processes of their own; each prints what it measured of itself as one line of JSON."""
