"""Every interface file is covered by a test, or said not to be."""

from __future__ import annotations

from pathlib import Path

from firkin.cgroupfs.controllers import catalogue
from tests.support.cgroup_files import REMARKS, UNSEEN, coverage, document

DOCUMENT = Path(__file__).resolve().parents[3] / "docs/cgroup-files.md"


def test_every_file_is_covered_or_said_to_be_unseen() -> None:
    uncovered = {file for file, tests in coverage().items() if not tests}
    assert uncovered - UNSEEN.keys() == set()


def test_no_covered_file_is_said_to_be_unseen() -> None:
    known = {entry.file.name for entry in catalogue()}
    assert UNSEEN.keys() | REMARKS.keys() <= known
    assert {file for file in UNSEEN if coverage()[file]} == set()


def test_document_is_the_one_that_is_generated() -> None:
    assert DOCUMENT.read_text() == document(), ".venv/bin/python tests/support/cgroup_files.py > docs/cgroup-files.md"
