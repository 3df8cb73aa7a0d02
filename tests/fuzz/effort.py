"""How long is tried: a share in the suite, always the same; as long as asked for, and anew, by `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

OF_THE_SUITE = 100
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES") or 0)


def share(examples: int) -> settings:
    """Try half as many in the suite, and in proportion by `make fuzz EXAMPLES=...`: so many where that is 200."""
    return settings(
        max_examples=max(1, examples * (EXAMPLES or OF_THE_SUITE) // 200),
        derandomize=not EXAMPLES,
        print_blob=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
