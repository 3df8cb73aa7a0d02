"""The mutants: each breaks one rule that users depend on.

A change of the code can make a place disappear; then `test_each_mutant_changes_one_place` fails, and the mutant is
adapted here.
"""

from __future__ import annotations

from dataclasses import dataclass

RETRY = "engine/retry.py"
PROCESS = "engine/process.py"
EXCHANGE = "engine/exchange.py"
RECONCILE = "engine/reconcile.py"
LIMITS = "codat/limits.py"
QUOTA = "codat/quota.py"
BOUNDARY = "codat/boundary.py"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A broken rule: the file below `bulk`, a text that it contains once, and the text that replaces it.

    `tests` are the folders or files below `tests` that run first; the others of `make test` follow only if these pass.
    """

    broken: str
    file: str
    before: str
    after: str
    tests: str


MUTANTS = (
    # retry: what is repeated, looked up or given up
    Mutant(
        "a request in doubt is sent again without a look-up",
        RETRY,
        "if known.in_doubt:\n        return _wait_to_settle",
        "if False:\n        return _wait_to_settle",
        "unit/engine",
    ),
    Mutant(
        "a look-up does not wait until a lost request has ended",
        RETRY,
        "return _wait_to_settle(known, now) or LookUp()",
        "return LookUp()",
        "unit/engine",
    ),
    Mutant(
        "a linkUrl is renewed while an earlier request may still renew it",
        RETRY,
        "return _wait_for_last(known, now, timeout) or Send()",
        "return Send()",
        "unit/engine",
    ),
    Mutant(
        "a company is deleted without a look-up right before",
        RETRY,
        "return Send() if is_fresh else LookUp()",
        "return Send()",
        "unit/engine",
    ),
    Mutant(
        "a rejection after a request in doubt is not looked up",
        RETRY,
        "in_doubt = known.in_doubt or known.may_be_done",
        "in_doubt = known.in_doubt",
        "unit/engine",
    ),
    Mutant(
        "a customer that Codat rejected is tried again in the same run",
        RETRY,
        "if known.rejected_in == run:",
        "if False:",
        "unit/engine",
    ),
    Mutant(
        "a customer is tried without end",
        RETRY,
        "return tries < MAX_TRIES and seconds < MAX_EFFORT",
        "return True",
        "unit/engine",
    ),
    # retry: idempotency keys
    Mutant("a key is repeated after Codat has forgotten it", RETRY, "90 * 60.0", "9000 * 60.0", "unit/engine"),
    Mutant(
        "a key is repeated although Codat replays a 5xx under it",
        RETRY,
        "attempt.outcome is Outcome.SERVER_ERROR or (faults",
        "(faults",
        "unit/engine",
    ),
    Mutant(
        "a key survives any number of gateway faults",
        RETRY,
        "MAX_GATEWAY_FAULTS = 2",
        "MAX_GATEWAY_FAULTS = 99",
        "unit/engine",
    ),
    Mutant("a 409 is never looked up", RETRY, "MAX_CONFLICTS = 2", "MAX_CONFLICTS = 99", "unit/engine"),
    Mutant(
        "the next key is used while the request under a 409 may still run",
        RETRY,
        "is_spent = known.is_spent or is_kept or (has_ended and attempt.sent_at >= known.conflict_at + MAX_WORK)",
        "is_spent = True",
        "unit/engine",
    ),
    Mutant(
        "an unlinking in doubt is repeated with its old key",
        RETRY,
        "if policy is Policy.CHANGE and known.was_in_doubt:",
        "if False:",
        "unit/engine",
    ),
    Mutant(
        "a key that was used for another request fails the row",
        RETRY,
        "if attempt.status == 422 and",
        "if attempt.status == 999 and",
        "unit/engine",
    ),
    Mutant("every key of a step is the same", RETRY, "{known.keys}", "0", "unit/engine"),
    Mutant(
        "a deletion does not end the history before it",
        RETRY,
        "if attempt.step == ERASING_STEP",
        'if attempt.step == ""',
        "unit/engine",
    ),
    # the trip of one customer
    Mutant(
        "a key that may have done something is repeated with another body",
        PROCESS,
        "return replace(request, body=decision.body), decision.key",
        "return request, decision.key",
        "unit/engine integration",
    ),
    Mutant(
        "a decision is carried out although it no longer holds after the wait for a slot",
        PROCESS,
        "if _decide(customer, step, context) != decision or _is_outdated(step, decision, context):",
        "if False:",
        "unit/engine integration",
    ),
    Mutant(
        "a request leaves although the throttle was closed meanwhile",
        EXCHANGE,
        "changes.apply(customer, may_exist)\n\n    if context.throttle.is_open:",
        "changes.apply(customer, may_exist)\n\n    if True:",
        "unit/engine integration",
    ),
    Mutant(
        "an intent leaves the old linkUrl in the reports",
        "engine/steps/link.py",
        'return {"link_url": None, "link_issued_at": None}',
        "return {}",
        "unit/engine integration",
    ),
    Mutant(
        "an old linkUrl is restored although another may exist",
        "engine/steps/link.py",
        "or self._may_have_renewed(customer)",
        "",
        "unit/engine integration",
    ),
    Mutant(
        "a company that somebody has linked is deleted",
        "engine/steps/deletion.py",
        "if _was_linked(company) and",
        "if False and",
        "unit/engine integration",
    ),
    # the meaning of responses
    Mutant(
        "a gateway's 5xx counts as Codat's own",
        "codat/responses.py",
        "Outcome.SERVER_ERROR if is_codats else Outcome.UNKNOWN",
        "Outcome.SERVER_ERROR",
        "unit/codat",
    ),
    Mutant("a 408 counts as a rejection", "codat/responses.py", "status in (408, 425) or", "", "unit/codat"),
    Mutant(
        "a timeout after the request has left counts as not sent",
        "codat/client.py",
        "return responses.no_response(text) if has_left else responses.not_sent(text)",
        "return responses.not_sent(text)",
        "unit/codat",
    ),
    # the throttle
    Mutant(
        "requests in flight do not count against the rate",
        "codat/rate.py",
        "if self._running + len(self._ended) < self._rate:",
        "if len(self._ended) < self._rate:",
        "unit/codat",
    ),
    Mutant("a minute has six seconds", "codat/rate.py", "WINDOW = 60.1", "WINDOW = 6.01", "unit/codat"),
    Mutant(
        "a Retry-After counts only with a 429",
        LIMITS,
        "(Outcome.RATE_LIMITED, Outcome.CONFLICT, Outcome.SERVER_ERROR, Outcome.UNKNOWN)",
        "(Outcome.RATE_LIMITED,)",
        "unit/codat",
    ),
    Mutant(
        "a shorter wait replaces a longer one",
        LIMITS,
        "if seconds <= self.hold(now):",
        "if False:",
        "unit/codat",
    ),
    Mutant(
        "a Retry-After of years is observed",
        QUOTA,
        "return min(seconds, MAX_WAIT) if",
        "return seconds if",
        "unit/codat",
    ),
    Mutant(
        "the quota that other customers have reserved is given away",
        QUOTA,
        "self.in_flight - self.reserved - len",
        "self.in_flight - len",
        "unit/codat",
    ),
    Mutant(
        "a response that was overtaken raises the quota",
        QUOTA,
        "return quota.limit - quota.remaining > known.limit - known.remaining",
        "return True",
        "unit/codat",
    ),
    Mutant(
        "look-ups that succeed hide that every creation fails",
        "codat/circuit_breaker.py",
        "self._has_failed_to_create |= creates",
        "pass",
        "unit/codat",
    ),
    # the company list, and whose company it is
    Mutant(
        "a list that shrinks while it is read counts as whole",
        RECONCILE,
        "if page.total is not None and page.total < total:",
        "if False:",
        "unit/engine",
    ),
    Mutant(
        "a list that ends early counts as whole",
        RECONCILE,
        "if next_path is None and seen < total and page.companies:",
        "if False:",
        "unit/engine",
    ),
    Mutant(
        "a list that repeats a page is read for ever",
        RECONCILE,
        "if next_path in requested:",
        "if False:",
        "unit/engine",
    ),
    Mutant(
        "a linkUrl of the company list is handed out",
        "engine/changes.py",
        "return connection_found(replace(connection, link_url=None), issued_at=None)",
        "return connection_found(connection, issued_at=connection.created)",
        "unit/engine",
    ),
    Mutant(
        "a company with another name is adopted",
        "engine/conflicts.py",
        'return problems.new("other_name", customer.name, found=company.name)',
        "return None",
        "unit/engine",
    ),
    Mutant(
        "a customer in conflict gets another company",
        "engine/steps/company.py",
        "return customer.company_id is None and customer.conflict is None",
        "return customer.company_id is None",
        "unit/engine integration",
    ),
    Mutant(
        "a row of another file changes a customer whom Codat has",
        "journal/enrolment.py",
        "        conflicts.hold_other_customers(self._db, self._values)\n",
        "",
        "unit/journal",
    ),
    Mutant(
        "another spelling of a missing identifier is another customer",
        "journal/conflicts.py",
        "for customer_id, known in dict(_spellings(connection, run)).items():",
        "for customer_id, known in dict[str, str]().items():",
        "unit/journal",
    ),
    Mutant(
        "a company that Codat replays is used although it was deleted",
        "codat/responses.py",
        "return created_at < answered - self.seconds - CLOCK_TOLERANCE",
        "return False",
        "unit/engine",
    ),
    Mutant(
        "a company with another customer's tag is taken for this one's",
        "codat/selection.py",
        "    if CUSTOMER_TAG in company.tags:\n",
        "    if company.tags.get(CUSTOMER_TAG) == customer.tag:\n",
        "unit/codat",
    ),
    Mutant(
        "a company that was deleted on purpose is adopted from a list that lags",
        "engine/changes.py",
        "if company.id != customer.deleted_company_id and selection.is_of",
        "if selection.is_of",
        "unit/engine",
    ),
    Mutant(
        "a company that this journal did not request counts as its own",
        "engine/conflicts.py",
        "labels.batch) and customer.name_sent is not None",
        "labels.batch)",
        "unit/engine",
    ),
    # text from outside, and what others can read
    Mutant(
        "the next page may be on another host",
        BOUNDARY,
        'or href.startswith("//")',
        "",
        "unit/codat",
    ),
    Mutant("an id may leave its path", BOUNDARY, 'and plain not in (".", "..")', "", "unit/codat"),
    Mutant("a cell that begins with an at sign runs as a formula", "text.py", r"[=+\-@＝", r"[=+\-＝", "unit/reports"),
    Mutant(
        "a value on the page can end its script element",
        "reports/html/encoding.py",
        r'.replace("<", r"\u003c")',
        "",
        "unit/reports",
    ),
    Mutant(
        "a text can control the terminal",
        "cli/console.py",
        "print(printable(text, keep=",
        "print(str.strip(text, ",
        "unit/cli",
    ),
    Mutant(
        "the batch's folder is readable by others",
        "journal/folder.py",
        "path.chmod(mode)",
        "path.chmod(0o755)",
        "unit/journal",
    ),
    Mutant(
        "an event without a valid signature is stored",
        "webhooks/receiver.py",
        "if not self._is_genuine(body, request.headers):",
        "if False:",
        "integration/webhooks",
    ),
    Mutant(
        "the key goes to other machines without TLS",
        "settings.py",
        'if parts.scheme == "http" and not is_loopback(host):',
        "if False:",
        "unit/test_settings.py",
    ),
    # the journal and the input
    Mutant(
        "a journal of another version is used",
        "journal/database.py",
        "if (application, version) == (APPLICATION_ID, SCHEMA_VERSION):",
        "if application == APPLICATION_ID:",
        "unit/journal",
    ),
    Mutant("a damaged journal is used", "journal/integrity.py", 'if result != "ok":', "if False:", "unit/journal"),
    Mutant(
        "a commit does not survive a power cut",
        "journal/database.py",
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = OFF",
        "unit/journal",
    ),
    Mutant(
        "a customer with a damaged name is sent",
        "journal/damage.sql",
        "WHERE damage IS NOT NULL AND enrolment = :run AND company_id IS NULL AND name_sent IS NULL",
        "WHERE damage IS NOT NULL AND enrolment = :run AND company_id IS NOT NULL AND name_sent IS NULL",
        "unit/journal",
    ),
    Mutant(
        "an accepted damage is accepted for any name",
        "journal/damage.sql",
        "WHERE (a.customer_id, a.company_name, a.code, a.found)",
        "WHERE (a.customer_id, incoming.company_name, a.code, a.found)",
        "unit/journal",
    ),
    Mutant(
        "a damaged name replaces the name that Codat has",
        "journal/damage.sql",
        "AND (c.name = incoming.restored_name\n",
        "AND (0\n",
        "unit/journal",
    ),
    Mutant(
        "a row that was corrected stays in conflict",
        "journal/damage.sql",
        "WHERE state = 'conflict' AND damage IS NULL AND enrolment = :run",
        "WHERE state = 'conflict' AND damage IS NULL AND enrolment < :run",
        "unit/journal",
    ),
    Mutant(
        "a name that Codat would empty is sent",
        "input/rules.py",
        'pl.col("name_sent") == ""',
        'pl.col("name_sent") == "?"',
        "unit/input",
    ),
    Mutant(
        "an identifier may be longer than Codat's tag",
        "input/rules.py",
        "MAX_ID: Final = 100",
        "MAX_ID: Final = 1000",
        "unit/input",
    ),
)
