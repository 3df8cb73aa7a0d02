"""Tests of the stand-in for Codat."""
