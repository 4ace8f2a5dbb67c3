"""The answer about KVM is remembered for as long as the machine is up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vm.acceleration import remembered


@pytest.mark.parametrize(("text", "answer"), [("boot-1 works\n", True), ("boot-1 fails\n", False)])
def test_an_answer_of_this_boot_holds(tmp_path: Path, text: str, answer: bool) -> None:
    (tmp_path / "note").write_text(text)
    assert remembered(tmp_path / "note", "boot-1") is answer


@pytest.mark.parametrize("text", ["boot-0 works\n", "", "boot-1"])
def test_an_answer_of_another_boot_or_a_broken_one_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "note").write_text(text)
    assert remembered(tmp_path / "note", "boot-1") is None


def test_without_a_note_nothing_is_known(tmp_path: Path) -> None:
    assert remembered(tmp_path / "note", "boot-1") is None
