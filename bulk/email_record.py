"""Records in a batch who was emailed. It sends nothing, and no engine is loaded here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from bulk import named_customers
from bulk.batch import require_batch, write_reports
from bulk.errors import UsageError
from bulk.journal import disk, waves
from bulk.journal.beside import changing
from bulk.journal.database import FILE, transaction
from bulk.reports.rows import Reader
from bulk.results import SentResult
from bulk.text import timestamp

NO_ADDRESS = "the input has no valid address for it; if you have emailed it, record it with --file"


def sent(folder: str | Path, customer_ids: Sequence[str] | None = None, *, wave: int | None = None) -> SentResult:
    """Record that the linkUrls of these customers, or of a wave, were emailed; write the reports. Nothing is sent.

    Customers of the wave without an address are left out, unless nobody in it has one. A customer that was recorded
    before keeps its time. This works while another command uses the batch. Raises UsageError if the batch has none of
    these customers or no such wave, BatchError and JournalError.
    """
    folder, at = require_batch(folder), timestamp(time.time())
    if (customer_ids is None) == (wave is None):
        raise UsageError("Name the customers that were emailed, or their wave: one of the two.")
    named = [] if customer_ids is None else named_customers.require_ids(customer_ids)
    if wave is None:
        named_customers.require_known(folder, named)
    disk.require_able(folder)
    with changing(folder / FILE) as journal:
        if wave is not None:
            _require_wave(folder, wave, waves.closed(journal))
        with transaction(journal):
            emailed = waves.email(journal, at, customer_ids=named, wave=wave)
        left_out = waves.without_address(journal, wave) if wave is not None else []
    with Reader(folder / FILE) as reader:
        others = named_customers.not_emailed(reader, named) | dict.fromkeys(left_out, NO_ADDRESS)
    result = write_reports(folder)
    return SentResult(**vars(result), emailed=emailed.now, before=emailed.before, others=others)


def _require_wave(folder: Path, wave: int, known: Sequence[int]) -> None:
    if wave in known:
        return
    others = f"its last wave is {known[-1]}" if known else "it has no waves, because no linkUrl was issued"
    raise UsageError(f"{folder} has no wave {wave}: {others}. Nothing was recorded.")
