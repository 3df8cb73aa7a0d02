"""Days of a migration in milliseconds: the engine unchanged, a virtual clock, a fake Codat, faults from a seed.

A seed is a scenario: one run after another on the same `batch`, with crashes, edits of the input, clock steps and
pauses between them. `network` leads to the fake Codat (`support.fake_codat`) and applies the faults that
`support.fault_schedule` draws. `customers` act in the meantime, `process` is one run of the engine, and `judge`,
`final_judge` and `once` check every guarantee. A part of the scenarios has a `second` actor: a copy of the batch,
another batch, or a person in the `portal`. `decisions` solves conflicts, and the `ledger` counts the rare states.

`migrating` is a migration of any size without faults. `scale_codat` is its Codat, `random_model` repeats its forecast
with random customers, and `scale` is its command.
"""
