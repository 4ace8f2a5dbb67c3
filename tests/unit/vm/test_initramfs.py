"""What the first user space is given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.vm.initramfs import command_function, is_static, passed_environment
from tests.vm.shares import Directory, plan9, virtiofsd_command

GUEST = Path(__file__).parents[2] / "vm/guest"


def run_function(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-c", f"{text}\nrun_command"], capture_output=True, text=True, check=False)


def test_words_of_the_command_and_values_reach_it_unchanged(tmp_path: Path) -> None:
    code = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['A'], os.getcwd()]))"
    awkward = "two words $HOME 'quoted' \\ \n;"
    directory = tmp_path / "a b"
    directory.mkdir()
    text = command_function([sys.executable, "-c", code, awkward], str(directory), {"A": awkward})
    expected = subprocess.run(
        [sys.executable, "-c", code, awkward],
        cwd=directory,
        env={"A": awkward},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run_function(text).stdout == expected.stdout


def test_the_command_gets_no_other_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRANGER", "1")
    assert "STRANGER" not in run_function(command_function(["/usr/bin/env"], "/", {"A": "1"})).stdout


def test_a_directory_that_is_not_there_ends_it() -> None:
    assert run_function(command_function(["true"], "/proc/nonexistent", {})).returncode == 126


def test_only_chosen_variables_are_passed() -> None:
    chosen = {"PATH": "/bin", "CI": "true", "PYTHONPATH": "x", "PYTEST_ADDOPTS": "-v", "FIRKIN_DEBUG": "1"}
    secret = {"AWS_SECRET": "x", "CIRCLE": "x", "MYPATH": "x"}
    assert passed_environment(chosen | secret) == chosen


def test_a_program_with_an_interpreter_is_not_static() -> None:
    assert not is_static(Path(sys.executable).resolve().read_bytes())


@pytest.mark.requires("busybox")
def test_the_busybox_of_the_guest_is_static() -> None:
    assert is_static(Path("/bin/busybox").read_bytes())


@pytest.mark.parametrize("script", ["init.sh", "command.sh"])
@pytest.mark.requires("busybox")
def test_the_scripts_of_the_guest_are_what_its_shell_reads(script: str) -> None:
    result = subprocess.run(["busybox", "sh", "-n", str(GUEST / script)], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_root_is_shared_read_only() -> None:
    assert ",readonly=on" in plan9(Directory("root", "/", writable=False))[1]
    assert "readonly" not in plan9(Directory("rw0", "/srv", writable=True))[1]


def test_a_comma_in_a_path_does_not_end_it() -> None:
    assert "path=/a,,b," in plan9(Directory("rw0", "/a,b", writable=True))[1]
    old = virtiofsd_command("virtiofsd", Directory("rw0", "/a,b", writable=True), 5, is_rust=False)
    assert "source=/a\\,b,cache=auto,sandbox=chroot,xattr,log_level=warn" in old


def test_both_kinds_of_virtiofsd_are_told_the_same() -> None:
    root = Directory("root", "/", writable=False)
    new = virtiofsd_command("virtiofsd", root, 5, is_rust=True)
    old = virtiofsd_command("virtiofsd", root, 5, is_rust=False)
    assert {"--fd=5", "--shared-dir=/", "--cache=always", "--sandbox=chroot", "--xattr"} <= set(new)
    assert {"--fd=5", "source=/,cache=always,sandbox=chroot,xattr,log_level=warn"} <= set(old)
