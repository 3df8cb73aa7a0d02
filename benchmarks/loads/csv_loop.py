"""The rules of `bulk check` in a loop over csv.reader: `python -m benchmarks.loads.csv_loop INPUT`.

It is written for speed in plain Python: patterns are compiled once, names and platforms are looked up only where
necessary, and a good row takes one pass and no object. It does only what a check needs: no digest, and no JSON of the
other columns. It prints the same lists as `bulk check --json`, and the counts of both must agree.
"""

from __future__ import annotations

import csv
import json
import re
import sys
import time
import unicodedata
from pathlib import Path

MAX_LINES = 100_000
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
CONTROL_BUT_SPACING = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
EMAIL = re.compile(r"[^\s@,;:<>()\"\\]+@[^\s@,;:<>()\"\\.]+(?:\.[^\s@,;:<>()\"\\.]+)+")
UNFOLDED = re.compile(r"\A |  | \Z|[^ A-Za-z0-9\-'&@.,?!]")
DROPPED = re.compile(r"[^\sA-Za-z0-9\-'&@.,?!]+")
PLAIN = str.maketrans(
    {
        "ø": "o",
        "Ø": "O",
        "ß": "ss",
        "æ": "ae",
        "Æ": "AE",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "’": "'",
        "‘": "'",
        "–": "-",
        "—": "-",
    }
)

Fault = tuple[int, str, str, str, str]


def check(path: Path) -> dict[str, object]:  # noqa: C901 - calls would cost time
    """Read and validate a file; return the counts, the faults and the names that would change.

    The limits and the names of the platforms are bulk's own. Their import loads polars, which a plain loop would not
    need, so `import_seconds` and `import_cpu_seconds` have its time.
    """
    began, cpu_began = time.monotonic(), time.process_time()
    from bulk.input.emails import MAX_EMAIL
    from bulk.input.empty import BLANK
    from bulk.input.rules import MAX_DESCRIPTION, MAX_ID, MAX_NAME
    from bulk.platforms import nearest, platform_key

    import_seconds, import_cpu_seconds = time.monotonic() - began, time.process_time() - cpu_began
    rows = accepted = faulty = 0
    faults: list[Fault] = []
    unused: list[Fault] = []  # emails
    renamed: list[tuple[int, str, str, str]] = []
    platforms: dict[str, int] = {}
    keys: dict[str, str | None] = {}
    first_rows: dict[str, int] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        at_id, at_name, at_platform, at_email, at_description = (
            header.index(name) for name in ("customer_id", "company_name", "platform", "email", "description")
        )
        width = len(header)
        for cells in reader:
            if not any(cells):
                continue
            rows += 1
            found: list[Fault] = []
            if len(cells) != width:
                found.append(
                    (rows, "row", "", f"has {len(cells)} cells where the header has {width}", "add the missing cells")
                )
                faulty += 1
                faults += found if len(faults) < MAX_LINES else []
                continue
            customer_id = cells[at_id].strip(BLANK)
            name = cells[at_name].strip(BLANK)
            platform = cells[at_platform].strip(BLANK)
            email = cells[at_email].strip(BLANK)
            description = cells[at_description].strip(BLANK)

            if not customer_id:
                found.append((rows, "customer_id", "", "is missing", "fill it in"))
            elif len(customer_id) > MAX_ID:
                found.append((rows, "customer_id", customer_id, "is too long", "use a shorter identifier"))
            elif CONTROL.search(customer_id):
                found.append((rows, "customer_id", customer_id, "contains a control character", "remove it"))

            sent = name
            if not name:
                found.append((rows, "company_name", "", "is missing", "fill it in"))
            else:
                if CONTROL_BUT_SPACING.search(name):
                    found.append((rows, "company_name", name, "contains a control character", "remove it"))
                if UNFOLDED.search(name):
                    sent = " ".join(DROPPED.sub("", unicodedata.normalize("NFKD", name).translate(PLAIN)).split())
                    if not sent:
                        found.append((rows, "company_name", name, "has no character that Codat keeps", "write it"))
                if len(sent) > MAX_NAME:
                    found.append((rows, "company_name", name, "is too long", "shorten it"))

            key = None
            if not platform:
                found.append((rows, "platform", "", "is missing", "fill it in"))
            else:
                if platform not in keys:
                    keys[platform] = platform_key(platform)
                key = keys[platform]
                if key is None:
                    found.append((rows, "platform", platform, "is unknown", " or ".join(nearest(platform))))

            if email:
                if len(email) > MAX_EMAIL:
                    unused.append((rows, "email", email, "is too long", "use a shorter address"))
                elif not EMAIL.fullmatch(email):
                    unused.append((rows, "email", email, "is not a valid email address", "write one address"))

            if description:
                if len(description) > MAX_DESCRIPTION:
                    found.append((rows, "description", description, "is too long", "shorten it"))
                if CONTROL_BUT_SPACING.search(description):
                    found.append((rows, "description", description, "contains a control character", "remove it"))

            if customer_id:
                first_row = first_rows.get(customer_id)
                if first_row is not None:
                    problem = f"duplicates row {first_row}"
                    found.append((rows, "customer_id", customer_id, problem, "keep one row for each customer"))
                elif not found:
                    first_rows[customer_id] = rows

            if found:
                faulty += 1
                faults += found if len(faults) < MAX_LINES else []
                continue
            accepted += 1
            platforms[key or ""] = platforms.get(key or "", 0) + 1
            if sent != name and len(renamed) < MAX_LINES:
                renamed.append((rows, customer_id, name, sent))
    return {
        "import_seconds": import_seconds,
        "import_cpu_seconds": import_cpu_seconds,
        "rows": rows,
        "accepted": accepted,
        "rejected": faulty,
        "platforms": platforms,
        "faults": [dict(zip(("row", "field", "value", "problem", "remedy"), fault, strict=True)) for fault in faults],
        "unused_emails": [row for row, *_ in unused[:MAX_LINES]],
        "renamed": [dict(zip(("row", "customer_id", "company_name", "name_sent"), r, strict=True)) for r in renamed],
    }


if __name__ == "__main__":
    print(json.dumps(check(Path(sys.argv[1])), ensure_ascii=False))
