"""The number of examples: a fixed share in the suite; in `make fuzz`, new examples, as many as requested."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

OF_THE_SUITE = 100
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES") or 0)


def share(examples: int) -> settings:
    """Return settings: half of `examples` in the suite, all of them with `make fuzz EXAMPLES=200`, or in proportion."""
    return settings(
        max_examples=max(1, examples * (EXAMPLES or OF_THE_SUITE) // 200),
        derandomize=not EXAMPLES,
        print_blob=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
