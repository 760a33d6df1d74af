"""Running the checks."""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from tqdm import tqdm

from skylore.archive.checking.finding import Check, CheckReport, Finding, Scope, in_words, name_of
from skylore.archive.checking.reading import attempted
from skylore.archive.checking.registry import registered

if TYPE_CHECKING:
    from skylore.archive.reading import Reading

__all__ = ["check"]


def check(archive: Reading, *, deep: bool = False, progress: bool = False) -> CheckReport:
    """Look for damage; see :meth:`Archive.check`."""
    started = time.monotonic()
    archive.refresh()
    scope, checks = Scope(archive, deep=deep), registered()
    findings: list[Finding] = []
    for each in tqdm(checks, desc="check", disable=not progress, file=sys.stderr):
        found = attempted(partial(_all_of, each, scope))
        if isinstance(found, BaseException):
            reason = f"could not be finished ({in_words(found)}); mend what else is listed first"
            found = [Finding(name_of(each), wrong=True, message=reason)]
        findings += found
    return CheckReport(
        place=str(archive),
        version=archive.version,
        rows=len(archive),
        deep=deep,
        checks=tuple(name_of(each) for each in checks),
        findings=tuple(findings),
        seconds=time.monotonic() - started,
    )


def _all_of(check: Check, scope: Scope) -> list[Finding]:
    return list(check(scope))
