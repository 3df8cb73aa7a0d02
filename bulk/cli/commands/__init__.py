"""One file for each command: arguments in, one call of the library, messages out."""
