"""Code that several kinds of tests and the benchmarks share.

Codat in memory, for the simulation, the any-order tests, the scale command and the benchmarks:
    records           companies and connections, and their JSON
    companies         their changes by requests, by customers and in Codat's portal
    quota, idempotency, answers
    fake_codat        its operations; any clock, no faults
    fault_schedule    the faults that a request may meet on its way, drawn from a seed

Codat in another process, for tests of whole runs:
    sandbox           starts `bulk sandbox` with the handles that tests need
    sandbox_server    that server; sandbox_stats counts its requests

A user's machine:
    terminal          runs a line of shell code on a terminal
"""
