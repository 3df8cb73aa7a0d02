"""What each command does with a batch, one file for each."""
