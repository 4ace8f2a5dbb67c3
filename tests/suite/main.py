"""The run as a whole: its options, its parts in their order, its end."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from tests.suite.accounting import account
from tests.suite.c_tests import run_c_tests
from tests.suite.parts import GuestPart, Session, collect, run_here
from tests.suite.places import NATIVE, Places, assign
from tests.suite.record import Part
from tests.suite.summary import summary
from tests.support.requirements import unmet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.suite.record import Collected

__all__ = ["main"]

_ROOT = Path(__file__).resolve().parents[2]
_UNIT = ("tests/unit",)
_INTEGRATION = ("tests/integration", "tests/security")
_WHAT = "integration and security"


def main(arguments: Sequence[str]) -> int:
    """Runs the tests that `arguments` name; 0 if the run is good."""
    chosen = _parser().parse_args(arguments)
    os.chdir(_ROOT)
    # What the packages of the environment install is found first, ninja and firkin itself among it.
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
    # A guest finds the tests compiled: to do so takes it longer than to run many of them.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    parts = []
    for part in _parts(chosen):
        parts.append(part)
        print(flush=True)
    result = account(parts)
    print(summary(parts, result, strict=chosen.strict_skips), flush=True)
    return 0 if result.is_good(strict=chosen.strict_skips) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests/run.py", description="Run the tests, each where it can run.")
    parser.add_argument("--only", choices=("c", "unit", "host", "guest"), help="run this part alone")
    parser.add_argument("-k", dest="expression", metavar="EXPR", help="run the tests that match, as pytest's -k")
    parser.add_argument("--sequential", action="store_true", help="start the guests after all else, one by one")
    parser.add_argument(
        "--strict-skips",
        action="store_true",
        default=os.environ.get("CI") == "true",
        help="fail if a test ran nowhere (the default where CI=true)",
    )
    return parser


def _parts(chosen: argparse.Namespace) -> Iterator[Part]:
    session = Session(_ROOT, _ROOT / "build/test-records", chosen.expression)
    session.records.mkdir(parents=True, exist_ok=True)
    places = Places(False, (), ())
    if chosen.only in (None, "host", "guest"):
        tests, complaint = collect(session, _INTEGRATION)
        if complaint:
            print(complaint, flush=True)
            yield Part(_WHAT, "this machine", problem="can not be collected")
        else:
            places = _places(tests, chosen.only)
    guests = _guests(session, places)
    with contextlib.ExitStack() as stack:
        for guest in reversed(guests):
            stack.callback(guest.close)
        # An emulated guest is one thread: the guests, one after the other, and all else keep two processors busy.
        if guests and not chosen.sequential:
            guests[0].start()
        yield from _here(session, chosen, places)
        yield from _finish(guests, sequential=chosen.sequential)


def _here(session: Session, chosen: argparse.Namespace, places: Places) -> Iterator[Part]:
    if chosen.only == "c" or (chosen.only is None and chosen.expression is None):
        _announce("C unit tests")
        if (part := run_c_tests(_ROOT)) is not None:
            yield part
    if chosen.only in (None, "unit"):
        _announce("unit tests")
        yield run_here(session, "unit", "unit.jsonl", _UNIT, properties=True)
    if places.host:
        _announce(f"{_WHAT} tests on this machine")
        yield run_here(session, _WHAT, "host.jsonl", _INTEGRATION)


def _places(tests: Sequence[Collected], only: str | None) -> Places:
    lacking = unmet(NATIVE)
    places = assign(tests, is_root="root" not in lacking, is_native=not lacking)
    if only == "host":
        return Places(True, (), ())
    return Places(places.host and only is None, places.guest, places.systemd_guest)


def _guests(session: Session, places: Places) -> list[GuestPart]:
    guests = [GuestPart(session, places.guest, systemd=False)] if places.guest else []
    guests += [GuestPart(session, places.systemd_guest, systemd=True)] if places.systemd_guest else []
    for guest, following in pairwise(guests):
        guest.following = following
    return guests


def _finish(guests: Sequence[GuestPart], *, sequential: bool) -> Iterator[Part]:
    for guest in guests:
        _announce(f"{_WHAT} tests in a {guest.where}")
        # Nothing else is to be done: all that are left run beside each other.
        for other in [guest] if sequential else guests:
            other.start()
        yield guest.finish(_WHAT)


def _announce(text: str) -> None:
    print(f"=== {text}", flush=True)
