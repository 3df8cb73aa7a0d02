"""Tests of single modules, in the layout of bulk: values, fakes, and a clock that jumps."""
