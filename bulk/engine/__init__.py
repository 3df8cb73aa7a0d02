"""The run: what is asked for whom, in which order, and never twice."""
