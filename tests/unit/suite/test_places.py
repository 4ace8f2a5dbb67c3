"""The guest runs what this machine can not, and no more."""

from __future__ import annotations

from tests.suite.places import NATIVE, Places, assign
from tests.suite.record import Collected
from tests.support.requirements import WORDS


def test_a_test_goes_to_the_guest_for_what_only_the_guest_has() -> None:
    tests = [Collected("a", ["memory"], {"memory": "v1"}), Collected("b", ["memory"]), Collected("c")]
    assert assign(tests, is_root=True, is_native=False) == Places(True, ["a"], [])


def test_the_guest_has_no_programs_that_this_machine_lacks() -> None:
    tests = [Collected("a", ["memory", "umoci"], {"memory": "v1", "umoci": "none"})]
    assert assign(tests, is_root=True, is_native=False) == Places(True, [], [])


def test_what_requires_systemd_goes_to_a_guest_that_has_it() -> None:
    tests = [
        Collected("a", ["systemd"], {"systemd": "none"}),
        Collected("b", ["systemd", "memory"], {"memory": "v1"}),
        Collected("c", ["systemd"]),
    ]
    assert assign(tests, is_root=True, is_native=False) == Places(True, [], ["a", "b"])


def test_a_marked_test_needs_no_guest_where_the_machine_is_as_good() -> None:
    tests = [Collected("a", guest=True)]
    assert assign(tests, is_root=True, is_native=False).guest == ["a"]
    assert assign(tests, is_root=True, is_native=True).guest == []


def test_without_root_everything_runs_in_guests() -> None:
    tests = [Collected("a"), Collected("b", ["systemd"])]
    assert assign(tests, is_root=False, is_native=False) == Places(False, ["a"], ["b"])


def test_what_makes_a_machine_native_are_requirements() -> None:
    assert set(NATIVE) <= WORDS.keys()
