"""Programs that are measured in processes of their own; each prints its own figures as one line of JSON."""
