"""The commands on a batch, one file for each."""
