"""Days of a migration in milliseconds: the engine unchanged, the sandbox's rules, a virtual clock, faults from a seed.

A seed is a story (`story`): runs of commands on one batch, one after the other, with crashes, edits of the input, clock
steps and rests between them. `codat` is the other side, `weather` what may go wrong on the way there, `customers`
what people do meanwhile, `process` one run of the engine. `judge` holds all of it to what is promised.

Beside the stories, `migrating` is a migration of any size without faults: `lean` is its other side, `luck` what chance
makes of its forecast, `scale` its command.
"""
