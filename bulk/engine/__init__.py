"""Runs of the commands: what is requested for each customer, in which order, and never twice."""
