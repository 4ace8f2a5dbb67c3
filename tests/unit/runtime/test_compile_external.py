"""The plans that have another runtime make the container, without a kernel."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.cgroupfs.hierarchy import Hierarchy
from firkin.errors import ConfigError, FirkinError
from firkin.oci.json_text import dump
from firkin.oci.runtime_spec.config import load_config
from firkin.oci.snapshots.overlay import Overlay
from firkin.runtime.compile.external import ExternalRuntime, compile_external, compile_external_exec
from firkin.runtime.compile.request import Host, Request
from firkin.runtime.failure import explain_failure
from firkin.runtime.plan.disassemble import Operation, read_plan

RUNTIME = ExternalRuntime("other", "/usr/sbin/runc", ("--root", "/r"), "/run/console")


def compiled(*, terminal: bool = False, trees: dict[str, Overlay] | None = None, **linux: Any) -> list[Operation]:
    document = {
        "ociVersion": "1.0.2",
        "process": {"cwd": "/", "args": ["sh"], "terminal": terminal},
        "root": {"path": "/root"},
        "linux": {"cgroupsPath": "/pods/x", **linux},
    }
    text = dump(document).encode()
    host = Host(Hierarchy("/sys/fs/cgroup", frozenset(), frozenset()), environment={})
    request = Request(id="x", bundle="/b", state_root="/s", config=text, created="", run=True, trees=trees or {})
    return list(read_plan(compile_external(load_config(text), request, host, RUNTIME)))


def names(operations: list[Operation], section: str) -> list[str]:
    return [operation.name for operation in operations if operation.section == section]


def commands(operations: list[Operation], section: str = "parent") -> list[Any]:
    return [one.arguments["args"] for one in operations if one.name == "program" and one.section == section]


def test_the_record_is_there_before_the_runtime_and_whole_before_the_start() -> None:
    operations = compiled()
    assert names(operations, "parent") == [
        *("state-make", "state-write", "state-write", "open-output", "cgroup-root", "program", "adopt", "state-write"),
        "program",
    ]
    assert commands(operations) == [
        ["/usr/sbin/runc", "--root", "/r", "create", "--bundle", "/s/x", "--pid-file", "/s/x/pid", "x"],
        ["/usr/sbin/runc", "--root", "/r", "start", "x"],
    ]
    assert commands(operations, "undo") == [["/usr/sbin/runc", "--root", "/r", "delete", "--force", "x"]]
    assert names(operations, "undo")[:2] == ["program", "kill-child"]
    (adopt,) = [operation.arguments for operation in operations if operation.name == "adopt"]
    assert (adopt["path"], adopt["file"]) == ("pods/x", "pid")


def test_only_the_creation_has_the_containers_streams() -> None:
    outputs = [one.arguments["output"] for one in compiled() if one.name == "program"]
    assert outputs[0] == 0xFFFFFFFF
    assert 0xFFFFFFFF not in outputs[1:]


def test_a_terminal_comes_through_a_socket() -> None:
    operations = compiled(terminal=True)
    parent = names(operations, "parent")
    assert parent.index("terminal-listen") < parent.index("program") < parent.index("terminal-accept")
    assert commands(operations)[0][-3:] == ["--console-socket", "/run/console", "x"]


def test_trees_are_mounted_while_the_container_is_made() -> None:
    overlay = Overlay(("/layer",), "/upper", "/work")
    operations = compiled(trees={"/root": overlay})
    parent = names(operations, "parent")
    places = [parent.index(name) for name in ("overlay", "mount", "program", "unmount")]
    assert places == sorted(places)
    assert "unmount" in names(operations, "undo")


def test_the_layers_of_a_pod_with_a_user_namespace_have_its_ids() -> None:
    maps = [{"containerID": 0, "hostID": 1000, "size": 10}]
    users: dict[str, Any] = {"namespaces": [{"type": "user"}], "uidMappings": maps, "gidMappings": maps}
    operations = compiled(trees={"/root": Overlay(("/layer",), "/upper", "/work")}, **users)
    assert "open-users" in names(operations, "parent")


def test_what_is_missing_is_said() -> None:
    config = load_config(dump({"ociVersion": "1.0.2", "root": {"path": "/"}}))
    host = Host(Hierarchy("/sys/fs/cgroup", frozenset(), frozenset()), environment={})
    with pytest.raises(ConfigError, match="process: is missing"):
        compile_external(config, Request(id="x", bundle="/b", state_root="/s", config=b"", created=""), host, RUNTIME)


def test_one_more_process_is_left_behind_and_adopted() -> None:
    operations = list(read_plan(compile_external_exec("/d", RUNTIME, ["--process", "/d/process.json", "x"])))
    assert names(operations, "parent") == ["open", "program", "adopt"]
    assert commands(operations)[0][3:] == [
        *("exec", "--detach", "--pid-file", "/d/pid", "--process", "/d/process.json", "x"),
    ]


@pytest.mark.parametrize(
    ("name", "error", "detail", "said"),
    [
        ("program", 10, "exit status 1", "other: /usr/sbin/runc: exit status 1"),
        ("program", 2, "", "other: /usr/sbin/runc: no such file or directory"),
        ("program", 110, "", "other: /usr/sbin/runc: did not end within 120000 ms"),
        ("adopt", 10, "", "other: its file pid: names no process that it has left behind"),
        ("adopt", 2, "", "other: its file pid: no such file or directory"),
        ("terminal-accept", 25, "", "process.terminal: take the terminal from /run/console: the runtime has sent none"),
    ],
)
def test_failures_are_told(name: str, error: int, detail: str, said: str) -> None:
    operation = next(one for one in compiled(terminal=True) if one.name == name)
    found = explain_failure(operation, error, detail)
    assert isinstance(found, FirkinError)
    assert str(found) == said
