"""Which containers are born in a nursery, and how."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.runtime.compile.nursery import compile_nursery
from firkin.runtime.plan.disassemble import Operation, read_plan
from tests.support.compiled import compiled

MOUNT = 0x00020000
HOOK = {"path": "/bin/true"}


def entered(operations: list[Operation]) -> list[tuple[str, object]]:
    """Where mount namespaces come from, in the order of the child."""
    flags = [("clone", o.arguments["flags"]) for o in operations if o.section == "parent" and o.name == "clone"]
    for operation in operations:
        if operation.section == "child" and operation.name in ("setns", "unshare", "clone"):
            flags.append((operation.name, operation.arguments["types" if operation.name != "clone" else "flags"]))
    return [(name, int(str(value)) & MOUNT) for name, value in flags]


def test_child_goes_in_and_makes_its_copy_there() -> None:
    operations = compiled(nursery="/proc/1/fd/3")
    assert entered(operations) == [("clone", 0), ("setns", MOUNT), ("unshare", MOUNT)]
    (opened,) = (o for o in operations if o.name == "open-namespace")
    assert opened.arguments["path"] == "/proc/1/fd/3" and opened.arguments["type"] == MOUNT


def test_second_birth_makes_the_copy_where_there_is_one() -> None:
    mapping = [{"containerID": 0, "hostID": 1000, "size": 10}]
    change = {
        "linux.namespaces": [{"type": "mount"}, {"type": "user"}],
        "linux.uidMappings": mapping,
        "linux.gidMappings": mapping,
        "hostname": "",
    }
    assert entered(compiled(change, nursery="/n")) == [("clone", 0), ("setns", MOUNT), ("clone", MOUNT)]


@pytest.mark.parametrize(
    "change",
    [
        {"hooks": {"createContainer": [HOOK]}},
        {"hooks": {"prestart": [HOOK]}},
        {"hooks": {"createRuntime": [HOOK]}},
        {"mounts": [{"destination": "/x", "type": "overlay", "source": "overlay", "options": ["lowerdir=/a"]}]},
        {"mounts": [{"destination": "/x", "type": "ext4", "source": "/dev/sda"}]},
        {"linux.namespaces": [{"type": "mount", "path": "/m"}], "mounts": [], "hostname": "",
         "linux.maskedPaths": [], "linux.readonlyPaths": [], "root": {"path": "rootfs"}},
    ],
)  # fmt: skip
def test_who_needs_the_mounts_of_the_host_is_born_among_them(change: dict[str, Any]) -> None:
    assert entered(compiled(change, nursery="/n")) == entered(compiled(change))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"hooks": {"startContainer": [HOOK], "poststart": [HOOK]}},
        {"mounts": [{"destination": "/x", "type": "none", "source": "/a", "options": ["rbind"]}]},
        {"mounts": [{"destination": "/x", "type": "tmpfs", "source": "t", "options": ["size=1m"]}]},
    ],
)
def test_all_others_are_born_in_it(change: dict[str, Any]) -> None:
    assert ("setns", MOUNT) in entered(compiled(change, nursery="/n"))


def test_plan_of_a_nursery_hides_the_host_before_it_is_ready() -> None:
    child = [o.name for o in read_plan(compile_nursery()) if o.section == "child"]
    assert child[1] == "die-with-parent"
    assert child[-3:] == ["pivot", "rendezvous", "reap"]
