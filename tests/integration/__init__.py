"""Tests of several modules in one process: a real journal on disk, real HTTP on this machine."""
