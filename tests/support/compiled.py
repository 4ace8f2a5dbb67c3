"""What the compiler makes of the usual configuration, with changes."""

from __future__ import annotations

from typing import Any

from firkin.cgroupfs.hierarchy import Hierarchy
from firkin.oci.default_config import default_config
from firkin.oci.json_text import dump
from firkin.oci.runtime_spec.config import load_config
from firkin.runtime.compile.container import compile_container
from firkin.runtime.compile.request import Host, Request
from firkin.runtime.plan.disassemble import Operation, read_plan

__all__ = ["compiled"]


def compiled(change: dict[str, Any] | None = None, *, run: bool = True, **request: Any) -> list[Operation]:
    """The operations; `change` has values by their dotted place, `request` are wishes beside the usual.

    `hierarchy`, `apparmor` and `selinux` are facts about the host.
    """
    config = default_config(cgroup_namespace=True)
    process = config["process"]
    assert isinstance(process, dict)
    process["terminal"] = False
    for path, value in (change or {}).items():
        target: Any = config
        *parents, last = path.split(".")
        for name in parents:
            target = target[name]
        target[last] = value
    usual = Hierarchy("/sys/fs/cgroup", frozenset(), frozenset(("cpu", "memory", "pids")))
    facts = {name: request.pop(name) for name in ("apparmor", "selinux") if name in request}
    host = Host(request.pop("hierarchy", usual), environment={"PATH": "/bin"}, **facts)
    wishes = {"id": "x", "bundle": "/b", "state_root": "/run/firkin", "config": b"{}", "created": "now", **request}
    plan, _ = compile_container(load_config(dump(config)), Request(**wishes, run=run), host)
    return list(read_plan(plan))
