"""Mutants: versions of bulk with one broken rule each. `make mutants` shows that `make test` notices every one."""
