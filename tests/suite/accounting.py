"""The judgement over a whole run: what was skipped everywhere, and whether the run is good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.suite.record import Part, Result

__all__ = ["Account", "account"]


@dataclass(frozen=True, slots=True)
class Account:
    """The sums over all parts. `skipped` are the results of tests that ran nowhere."""

    passed: int
    failed: Sequence[Result]
    skipped: Sequence[Result]
    problems: Sequence[str]

    def is_good(self, *, strict: bool) -> bool:
        """Whether the run succeeds: something ran and nothing failed; where `strict`, nothing was skipped either."""
        return bool(self.passed) and not self.failed and not self.problems and not (strict and self.skipped)

    def last_line(self) -> str:
        """The run in one line."""
        return f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped"


def account(parts: Sequence[Part]) -> Account:
    """The account of `parts`."""
    everything = [result for part in parts for result in part.results]
    skipped = [result for part in parts for result in part.results if is_lost(result, everything)]
    return Account(
        passed=sum(result.outcome == "passed" for result in everything),
        failed=[result for result in everything if result.outcome == "failed"],
        skipped=skipped,
        problems=[f"{part.what}, {part.where}: {part.problem}" for part in parts if part.problem],
    )


def is_lost(result: Result, everything: Sequence[Result]) -> bool:
    """Whether a test was skipped and nothing makes up for it.

    Only a skip for an unmet requirement can be made up for, by the same test having run elsewhere.
    """
    if result.outcome != "skipped":
        return False
    elsewhere = any(other.nodeid == result.nodeid and other.outcome != "skipped" for other in everything)
    return not (result.unmet and elsewhere)
