"""firkin where everybody was killed once: the kernel kills what is born from there into another cgroup, since 2025."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.cgroupfs import Cgroup
from tests.support.bundle import Bundle, Firkin
from tests.support.cgroups import scratch_name

pytestmark = pytest.mark.requires("root", "cgroup2")


@pytest.fixture
def killed() -> Iterator[Cgroup]:
    """A cgroup that `cgroup.kill` was written to, when nobody was in it."""
    name = scratch_name()
    with Cgroup.make(name) as group:
        group.kill()
        try:
            yield group
        finally:
            Cgroup.destroy(name)


@pytest.fixture
def inside(firkin: Firkin, killed: Cgroup, monkeypatch: pytest.MonkeyPatch) -> Firkin:
    """The command, which enters that cgroup before it begins."""
    script = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
    plain = firkin.command

    def command(*words: str | Path) -> list[str]:
        return ["sh", "-c", script, killed.path, *plain(*words)]

    monkeypatch.setattr(firkin, "command", command)
    return firkin


def test_a_container_is_born_runs_and_gets_company(inside: Firkin, bundle: Bundle, killed: Cgroup) -> None:
    id = inside.start(bundle.shell("sleep 1000"))
    found = inside("exec", id, "cat", "/proc/self/cgroup").stdout
    assert found.splitlines()[-1] == "0::/"
    # It is where it belongs, and not where its maker is.
    assert inside.state(id)["status"] == "running"
    assert killed.processes() == []


@pytest.mark.requires("userns")
def test_a_container_that_is_born_twice(inside: Firkin, bundle: Bundle, killed: Cgroup) -> None:
    id = inside.start(bundle.user_namespace().shell("sleep 1000"))
    assert inside("exec", id, "id", "-u").stdout == "0\n"
    assert killed.processes() == []


def test_a_container_in_the_pid_namespace_of_another(inside: Firkin, bundle: Bundle, killed: Cgroup) -> None:
    first = inside.start(bundle.shell("sleep 1000"))
    pid = inside.state(first)["pid"]
    (namespace,) = [one for one in bundle.linux["namespaces"] if one["type"] == "pid"]
    namespace["path"] = f"/proc/{pid}/ns/pid"
    second = inside.start(bundle.shell("sleep 999"))
    assert "sleep 999" in inside("exec", first, "ps").stdout
    assert killed.processes() == []
    inside("delete", "--force", second)
