"""The commands, one file for each. A command parses arguments, calls the library and prints the result."""
