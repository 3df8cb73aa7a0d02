"""Tests of the sandbox's own rules, without a server."""
