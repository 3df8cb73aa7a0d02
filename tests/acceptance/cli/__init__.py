"""The command line: its parts in this process, and whole commands in processes of their own."""
