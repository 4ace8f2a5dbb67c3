"""Where each integration test runs: on this machine, in a guest, or in a guest whose PID 1 is systemd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.requirements import GUEST_MEETS, SYSTEMD_GUEST_MEETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.suite.record import Collected

__all__ = ["NATIVE", "Places", "assign"]

NATIVE = ("root", "unified", "memory", "cpu", "pids")
"""The requirements of a machine that needs no guest for tests that are only marked for one."""


@dataclass(frozen=True, slots=True)
class Places:
    """Whether the tests run on this machine at all, and the node ids of those that run in guests."""

    host: bool
    guest: Sequence[str]
    systemd_guest: Sequence[str]


def assign(tests: Iterable[Collected], *, is_root: bool, is_native: bool) -> Places:
    """Assigns the `tests`.

    A guest runs those for which this machine lacks something that a guest has, and, unless the
    machine is as good as a guest (`is_native`), those marked for it. Without root all run in guests.
    """
    guest: list[str] = []
    systemd_guest: list[str] = []
    for test in tests:
        needs_systemd = "systemd" in test.requires
        meets = SYSTEMD_GUEST_MEETS if needs_systemd else GUEST_MEETS
        lacks = bool(test.unmet) and test.unmet.keys() <= meets
        if not is_root or lacks or (test.guest and not is_native):
            (systemd_guest if needs_systemd else guest).append(test.nodeid)
    return Places(is_root, guest, systemd_guest)
