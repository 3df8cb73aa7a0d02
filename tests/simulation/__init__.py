"""Days of a migration in milliseconds: the engine unchanged, a virtual clock, a fake Codat, faults from a seed.

A seed is a scenario: runs of commands on one batch, one after the other, with crashes, edits of the input, clock steps
and pauses between them. `network` leads to the fake Codat (`support.fake_codat`) and lets the faults happen that
`support.fault_schedule` draws. `customers` act meanwhile, `process` is one run of the engine, and `judge` checks every
guarantee.

`migrating` is a migration of any size without faults: `scale_codat` is its other side, `random_model` draws what chance
makes of its forecast, `scale` is its command.
"""
