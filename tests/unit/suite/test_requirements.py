"""Requirements skip where they may, fail where they may not, and are recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import cgroup_probe
from tests.support.requirements import GUEST_MEETS, SYSTEMD_GUEST_MEETS, WORDS, unmet, why_unmet

ROOT = Path(__file__).resolve().parents[3]
# The tree's root comes last, as its folder `firkin` is not the package that is installed.
PYTEST = f"import sys, pytest; sys.path.append({str(ROOT)!r}); sys.exit(pytest.main(sys.argv[1:]))"
LACKING = """
import pytest
from tests.support import requirements

requirements.WORDS["memory"] = lambda: "bound to v1"
requirements.WORDS["umoci"] = lambda: "no umoci on PATH"
requirements.WORDS["root"] = lambda: ""
"""
TESTS = """
import pytest

@pytest.mark.requires("root")
def test_met(): pass

@pytest.mark.requires("root", "memory")
def test_no_controller(): pass

@pytest.mark.requires("umoci")
@pytest.mark.guest
def test_no_program(): pass

def test_fails_at_the_end(request):
    request.addfinalizer(lambda: 1 / 0)
"""


def session(directory: Path, tests: str, *options: str) -> tuple[int, str]:
    """Status and output of pytest on `tests`, with the conftest of this suite, on a machine that lacks things."""
    (directory / "conftest.py").write_text(LACKING)
    (directory / "test_it.py").write_text(tests)
    command = [sys.executable, "-P", "-c", PYTEST, "-p", "tests.conftest", "-p", "no:cacheprovider", "-c", "/dev/null"]
    command += ["-p", "no:hypothesispytest", f"--rootdir={directory}", str(directory), *options]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


def reasons(record: Path) -> list[str]:
    events = [json.loads(line) for line in record.read_text().splitlines()]
    return [event["reason"] for event in events if event["event"] == "ended"]


def outcomes(record: Path) -> dict[str, tuple[str, dict[str, str]]]:
    events = [json.loads(line) for line in record.read_text().splitlines()]
    ended = [event for event in events if event["event"] == "ended"]
    return {event["nodeid"].rpartition("::")[2]: (event["outcome"], event["unmet"]) for event in ended}


def test_an_unmet_requirement_skips_and_is_recorded(tmp_path: Path) -> None:
    _, output = session(tmp_path, TESTS, "-rs", f"--record={tmp_path}/record")
    assert "requires memory: bound to v1" in output
    assert outcomes(tmp_path / "record") == {
        "test_met": ("passed", {}),
        "test_no_controller": ("skipped", {"memory": "bound to v1"}),
        "test_no_program": ("skipped", {"umoci": "no umoci on PATH"}),
        "test_fails_at_the_end": ("failed", {}),
    }


def test_the_guest_fails_for_what_it_promises_and_skips_for_the_rest(tmp_path: Path) -> None:
    _, output = session(tmp_path, TESTS, "--place=guest", f"--record={tmp_path}/record")
    assert "the guest does not give what it promises: requires memory: bound to v1" in output
    found = outcomes(tmp_path / "record")
    assert (found["test_no_controller"][0], found["test_no_program"][0]) == ("failed", "skipped")


def test_a_collection_says_what_each_test_requires(tmp_path: Path) -> None:
    session(tmp_path, TESTS, "--collect-only", f"--record={tmp_path}/record")
    events = [json.loads(line) for line in (tmp_path / "record").read_text().splitlines()]
    assert {event["event"] for event in events} == {"collected"}
    found = {event["nodeid"].rpartition("::")[2]: event for event in events}
    assert found["test_no_controller"]["requires"] == ["root", "memory"]
    assert found["test_no_controller"]["unmet"] == {"memory": "bound to v1"}
    assert [name for name, event in found.items() if event["guest"]] == ["test_no_program"]


def test_only_selected_tests_run(tmp_path: Path) -> None:
    (tmp_path / "selection").write_text("test_it.py::test_met\n")
    status, output = session(tmp_path, TESTS, f"--select={tmp_path}/selection")
    assert status == 0
    assert "1 passed, 3 deselected" in output


def test_a_module_that_can_not_be_imported_is_recorded_as_failed(tmp_path: Path) -> None:
    session(tmp_path, "import nothing_of_this_name", f"--record={tmp_path}/record")
    assert [outcome for outcome, _ in outcomes(tmp_path / "record").values()] == ["failed"]


def test_the_reason_is_the_line_that_tells(tmp_path: Path) -> None:
    tests = "import pytest\ndef test_fails():\n    assert 1 == 2\ndef test_skips():\n    pytest.skip('too old')\n"
    session(tmp_path, tests, f"--record={tmp_path}/record")
    assert reasons(tmp_path / "record") == ["assert 1 == 2", "too old"]


def test_a_word_that_is_none_is_a_usage_error(tmp_path: Path) -> None:
    tests = "import pytest\n@pytest.mark.requires('memroy')\ndef test_it(): pass\n"
    status, output = session(tmp_path, tests)
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "unknown requirement memroy" in output


@pytest.mark.parametrize("word", WORDS)
def test_every_probe_answers_and_leaves_no_cgroup(word: str) -> None:
    assert isinstance(WORDS[word](), str)
    root = cgroup_probe.hierarchy()
    assert root is None or not list(root.glob(f"firkin-probe-{os.getpid()}*"))


def test_a_program_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert WORDS["umoci"]() == "no umoci on PATH"


def test_what_is_met_is_left_out() -> None:
    lacking = [word for word in WORDS if why_unmet(word)]
    assert list(unmet(WORDS)) == lacking


def test_the_guest_promises_words() -> None:
    assert GUEST_MEETS < SYSTEMD_GUEST_MEETS <= WORDS.keys()
