"""What several kinds of tests, and the benchmarks, share.

records           Codat's companies and connections in memory, and their JSON
fake_codat        Codat's rules for them: operations, quota, idempotency keys, events; any clock, no faults
fault_schedule    what may happen to a request on its way, drawn from a seed or listed by a test
"""
