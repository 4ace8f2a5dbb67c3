"""Supplementary groups: those that are asked for, and none of the caller's."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")

_SHOW = "grep Groups: /proc/self/status"
_TABLE: list[list[int]] = [[], [0], [5], [7, 1000, 4294967294], list(range(100, 140))]


def _shown(line: str) -> list[int]:
    return sorted(int(word) for word in line.removeprefix("Groups:").split())


@pytest.mark.parametrize("groups", _TABLE)
@pytest.mark.parametrize("uid", [0, 1000])
def test_groups_are_those_configured(firkin: Firkin, bundle: Bundle, groups: list[int], uid: int) -> None:
    bundle.process["user"] = {"uid": uid, "gid": uid, "additionalGids": groups}
    assert _shown(firkin.run(bundle.shell(_SHOW))) == groups


def test_groups_of_the_caller_are_dropped(firkin: Firkin, bundle: Bundle) -> None:
    argv = firkin.command("run", "-b", bundle.shell(_SHOW).save(), firkin.new_id())
    # A session of engines often has more groups than root.
    done = subprocess.run(argv, capture_output=True, text=True, check=True, extra_groups=[4, 27, 4242])
    assert _shown(done.stdout) == []


def test_exec_has_the_groups_of_the_configuration(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [7, 8]}
    id = firkin.start(bundle.shell("sleep 1000"))
    assert _shown(firkin("exec", id, "sh", "-c", _SHOW, extra_groups=[4, 27]).stdout) == [7, 8]


def test_exec_as_another_user_does_not_keep_groups(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["user"] = {"uid": 0, "gid": 0, "additionalGids": [7, 8]}
    id = firkin.start(bundle.shell("sleep 1000"))
    assert _shown(firkin("exec", "-u", "1000:1000", id, "sh", "-c", _SHOW).stdout) == []
    assert _shown(firkin("exec", "-u", "1000", "-g", "9", id, "sh", "-c", _SHOW).stdout) == [9]


@pytest.mark.parametrize("text", ["", "-1", "4294967295", "a", "0x1", "1,2", "18446744073709551616"])
def test_exec_refuses_what_is_no_group(firkin: Firkin, bundle: Bundle, text: str) -> None:
    id = firkin.start(bundle.shell("sleep 1000"))
    done = firkin("exec", f"--additional-gids={text}", id, "id", check=False)
    assert done.returncode and done.stdout == "" and "Traceback" not in done.stderr


def test_exec_with_a_process_document_has_its_groups(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("sleep 1000"))
    document = bundle.path / "process.json"
    process = {"cwd": "/", "args": ["/bin/sh", "-c", _SHOW], "user": {"uid": 5, "gid": 6, "additionalGids": [11]}}
    document.write_text(json.dumps(process))
    assert _shown(firkin("exec", "--process", document, id).stdout) == [11]


def test_groups_can_not_be_regained(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.python("import os\ntry:\n os.setgroups([0])\nexcept PermissionError:\n print('refused')")
    assert firkin.run(bundle) == "refused\n"
