"""The commands, one file for each: it parses the arguments, calls the library and prints the result."""
