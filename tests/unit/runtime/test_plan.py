"""Building a plan and reading it back."""

from __future__ import annotations

import pytest

from firkin.errors import FirkinError
from firkin.runtime.plan import opcodes as op
from firkin.runtime.plan.builder import PlanBuilder
from firkin.runtime.plan.disassemble import operation_at, read_plan
from firkin.runtime.plan.render import render


def test_operations_are_read_back_as_they_were_added() -> None:
    plan = PlanBuilder()
    slot = plan.shared_slot()
    plan.prepare.add(op.OPEN_TREE, "root.path", slot, "/bundle/rootfs", 1)
    plan.clone("process", 0x20000, None)
    plan.meet.add(op.AWAIT, "", op.POINT_READY)
    plan.child.add(op.EXEC, "process.args", ["/bin/a", "/b"], ["a", ""], [])
    plan.undo.add(op.KILL_CHILD, "")
    operations = list(read_plan(plan.encode()))
    assert [(o.section, o.name) for o in operations] == [
        ("parent", "open-tree"),
        ("parent", "clone"),
        ("parent", "send"),
        ("parent", "await"),
        ("child", "receive"),
        ("child", "exec"),
        ("undo", "kill-child"),
    ]
    assert operations[0].arguments == {"out": slot, "path": "/bundle/rootfs", "flags": 1}
    assert operations[0].origin == "root.path"
    assert operations[1].arguments == {"flags": 0x20000, "cgroup": op.NO_SLOT}
    assert operations[5].arguments == {"candidates": ["/bin/a", "/b"], "args": ["a", ""], "env": []}


def test_bytes_are_kept_as_they_are() -> None:
    plan = PlanBuilder()
    plan.child.add(op.SECCOMP, "linux.seccomp", bytes(range(256)), 2)
    found = list(read_plan(plan.encode()))
    assert found[1].arguments == {"program": bytes(range(256)), "flags": 2}


def test_equal_texts_are_stored_once() -> None:
    one, many = PlanBuilder(), PlanBuilder()
    one.child.add(op.HOSTNAME, "hostname", "h" * 50)
    for _ in range(10):
        many.child.add(op.HOSTNAME, "hostname", "h" * 50)
    assert len(many.encode()) - len(one.encode()) == 9 * 56


def test_negative_numbers_are_64_bit_two_s_complement() -> None:
    plan = PlanBuilder()
    plan.child.add(op.HOOK, "hooks.poststart[0]", "/h", ["/h"], [], -1, b"{}", op.NO_SLOT)
    assert operation_at(plan.encode(), 1, 1).arguments["timeout_ms"] == (1 << 64) - 1
    assert "timeout_ms=-1" in render(plan.encode())


@pytest.mark.parametrize("arguments", [(), ("a", "b"), (b"a",), (["a"],)])
def test_wrong_arguments_are_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(TypeError):
        PlanBuilder().child.add(op.HOSTNAME, "hostname", *arguments)


def test_text_with_a_nul_byte_is_refused() -> None:
    with pytest.raises(FirkinError, match="NUL"):
        PlanBuilder().child.add(op.HOSTNAME, "hostname", "a\0b")


def test_slots_run_out_with_an_error() -> None:
    plan = PlanBuilder()
    with pytest.raises(FirkinError, match="768 mounts"):
        for _ in range(769):
            plan.shared_slot()
    with pytest.raises(FirkinError, match="file systems"):
        for _ in range(257):
            plan.private_slot()


@pytest.mark.parametrize("data", [b"", b"x" * 200, PlanBuilder().encode()[:-1]])
def test_what_is_no_plan_is_refused(data: bytes) -> None:
    with pytest.raises(FirkinError, match="not a plan"):
        list(read_plan(data))
