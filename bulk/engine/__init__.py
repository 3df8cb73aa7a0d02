"""Runs the commands: it decides which requests each customer needs, and never makes one twice."""
