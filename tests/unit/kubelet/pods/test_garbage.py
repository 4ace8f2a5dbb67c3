"""What is left over, and what is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from firkin.kubelet.pods.garbage import find_garbage, orphaned_logs
from firkin.kubelet.pods.observed import Listed, Listing
from firkin.kubelet.pods.starting import count_from_logs
from firkin.kubelet.pods.watching import changed_pods


def dead(id: str, at: int, name: str = "a", sandbox: str = "s0", *, up: bool = False) -> Listed:
    return Listed(id, 1 if up else 2, up, at, is_sandbox=False, name=name, sandbox_id=sandbox)


def box(id: str, at: int, *, up: bool = False) -> Listed:
    return Listed(id, 0 if up else 1, up, at, is_sandbox=True)


def test_of_each_container_the_last_one_that_ended_is_kept() -> None:
    there = {"u": [box("s0", 1, up=True), dead("3", 4, up=True), dead("1", 2), dead("2", 3), dead("b1", 2, "b")]}
    found = find_garbage(there, lambda uid: True)
    assert found.containers == ("1",)
    assert found.sandboxes == ()


def test_what_was_made_after_the_clock_was_set_back_is_the_newest_all_the_same() -> None:
    boxes = [replace(box("s0", 900), attempt=0), replace(box("s1", 5), attempt=1)]
    ends = [replace(dead("one", 901, sandbox="s0"), attempt=1), replace(dead("two", 6, sandbox="s1"), attempt=2)]
    found = find_garbage({"u": [*boxes, *ends]}, lambda uid: True)
    assert (found.containers, found.sandboxes) == (("one",), ("s0",))


def test_old_sandboxes_go_when_nothing_of_them_is_kept() -> None:
    there = {
        "u": [box("s2", 9, up=True), box("s1", 5), box("s0", 1), dead("x", 6, sandbox="s1"), dead("y", 2, sandbox="s0")]
    }
    found = find_garbage(there, lambda uid: True)
    assert (found.containers, found.sandboxes) == (("y",), ("s0",))


def test_the_newest_sandbox_of_a_pod_that_has_ended_is_kept() -> None:
    assert find_garbage({"u": [box("s0", 1)]}, lambda uid: True).sandboxes == ()


def test_pods_that_nobody_wants_are_their_workers_business() -> None:
    assert find_garbage({"u": [dead("1", 1), dead("2", 2)]}, lambda uid: False).containers == ()


def test_logs_of_pods_that_are_gone(tmp_path: Path) -> None:
    for name in ("default_web_uid", "default_old_gone", "something"):
        (tmp_path / name).mkdir()
    assert orphaned_logs(str(tmp_path), {"uid"}) == [str(tmp_path / "default_old_gone")]
    assert orphaned_logs(str(tmp_path / "none"), set()) == []


def test_the_number_of_starts_is_known_from_the_logs(tmp_path: Path) -> None:
    assert count_from_logs(str(tmp_path / "none")) == 0
    assert count_from_logs(str(tmp_path)) == 0
    for name in ("0.log", "2.log", "2.log.20260101-000000.gz", "other"):
        (tmp_path / name).touch()
    assert count_from_logs(str(tmp_path)) == 3


def test_pods_that_changed_between_two_lists() -> None:
    before = {"same": listing(dead("1", 1)), "gone": listing(dead("2", 1)), "other": listing(dead("3", 1))}
    now = {"same": listing(dead("1", 1)), "other": listing(dead("3", 1, up=True)), "new": listing(box("4", 1))}
    assert changed_pods(before, now) == {"gone", "other", "new"}


def listing(*items: Listed) -> Listing:
    return Listing("default", "web", list(items))
