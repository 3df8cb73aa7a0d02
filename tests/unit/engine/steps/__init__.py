"""The steps of a customer, one file of tests for each."""
