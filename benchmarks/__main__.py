"""Runs the named benchmarks, or all of them, one after the other."""

from __future__ import annotations

import argparse
import os
import platform

from benchmarks import check, follow_up, inputs, memory, page, reports, resume, speed, start, throttle
from benchmarks.figures import Figure, lines

BENCHMARKS = {
    "speed": speed.run,
    "throttle": throttle.run,
    "memory": memory.run,
    "check": check.run,
    "inputs": inputs.run,
    "start": start.run,
    "resume": resume.run,
    "follow-up": follow_up.run,
    "reports": reports.run,
    "page": page.run,
}


def main() -> None:
    """Run the benchmarks, and list all figures again at the end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure bulk against its targets.")
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"which: {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer repetitions: a rough look")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - BENCHMARKS.keys()):
        parser.error(f"unknown benchmark {', '.join(unknown)}; use {', '.join(BENCHMARKS)}")
    sizes = "quick sizes: a rough look" if options.quick else "full sizes"
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}; {sizes}")
    figures: list[Figure] = []
    for name, run in BENCHMARKS.items():
        if not options.names or name in options.names:
            print(f"\n== {name}: {(run.__doc__ or '').partition(chr(10))[0]}", flush=True)
            found = run(quick=options.quick)
            print("\n".join(lines(found)), flush=True)
            figures += found
    print("\n== all figures")
    print("\n".join(lines(figures)))


if __name__ == "__main__":
    main()
