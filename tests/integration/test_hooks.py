"""Hooks: when they run, where, with what, and what happens when they fail."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.bundle import Bundle, Firkin, wait_stopped

pytestmark = [pytest.mark.requires("root", "cgroup2"), pytest.mark.usefixtures("every_front")]

_NAMES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


@pytest.fixture
def log(bundle: Bundle, tmp_path: Path) -> Path:
    """A directory that hooks and the container see under the same path."""
    place = tmp_path / "log"
    place.mkdir()
    bundle.mount(str(place), "bind", str(place), "bind")
    return place


def _hook(script: str, **more: Any) -> dict[str, Any]:
    return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"], **more}


def _add(bundle: Bundle, name: str, *hooks: dict[str, Any]) -> None:
    bundle.config.setdefault("hooks", {}).setdefault(name, []).extend(hooks)


def _waiting(bundle: Bundle, log: Path, script: str = "") -> Bundle:
    # poststart runs beside the program.
    return bundle.shell(f"{script}until [ -e {log}/poststart-ended ]; do :; done")


def _state(file: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(file.read_text())
    return state


def test_run_calls_all_in_their_order(firkin: Firkin, bundle: Bundle, log: Path) -> None:
    for name in _NAMES:
        for number in (1, 2):
            _add(bundle, name, _hook(f"echo {name} {number} >> {log}/order"))
    # poststart runs beside the program, which therefore waits for it.
    firkin.run(bundle.shell(f"until grep -q 'poststart 2' {log}/order; do :; done; echo program >> {log}/order"))
    expected = [f"{name} {number}" for name in _NAMES for number in (1, 2)]
    expected.insert(-2, "program")
    assert (log / "order").read_text().splitlines() == expected


def test_create_start_delete_call_their_own(firkin: Firkin, bundle: Bundle, log: Path) -> None:
    for name in _NAMES:
        _add(bundle, name, _hook(f"echo {name} >> {log}/order"))
    id = firkin.create(bundle)
    assert (log / "order").read_text().split() == ["prestart", "createRuntime", "createContainer"]
    (log / "order").write_text("")
    firkin("start", id)
    assert (log / "order").read_text().split() == ["startContainer", "poststart"]
    (log / "order").write_text("")
    wait_stopped(firkin, id)
    firkin("delete", id)
    assert (log / "order").read_text().split() == ["poststop"]


def test_state_on_standard_input(firkin: Firkin, bundle: Bundle, log: Path) -> None:
    bundle.config["annotations"] = {"key": "välue"}
    for name in _NAMES:
        _add(bundle, name, _hook(f"cat > {log}/{name}"))
    id = firkin.start(bundle.shell("exec sleep 1000"))
    pid = firkin.state(id)["pid"]
    firkin("delete", "--force", id)
    common = {"ociVersion": "1.3.0", "id": id, "bundle": str(bundle.path), "annotations": {"key": "välue"}}
    assert {name: _state(log / name) for name in _NAMES} == {
        "prestart": {**common, "status": "creating", "pid": pid},
        "createRuntime": {**common, "status": "creating", "pid": pid},
        "createContainer": {**common, "status": "creating", "pid": 1},
        "startContainer": {**common, "status": "created", "pid": 1},
        "poststart": {**common, "status": "running", "pid": pid},
        "poststop": {**common, "status": "stopped"},
    }


def test_namespaces_that_they_run_in(firkin: Firkin, bundle: Bundle, log: Path) -> None:
    names = ("mnt", "uts", "ipc", "net", "cgroup")
    script = "".join(f"readlink /proc/self/ns/{name}; " for name in names)
    for name in _NAMES:
        _add(bundle, name, _hook(f"({script}) > {log}/{name}"))
    id = firkin.start(bundle.shell("exec sleep 1000"))
    inside = [os.readlink(f"/proc/{firkin.state(id)['pid']}/ns/{name}") for name in names]
    outside = [os.readlink(f"/proc/self/ns/{name}") for name in names]
    firkin("delete", "--force", id)
    seen = {name: (log / name).read_text().split() for name in _NAMES}
    assert seen == dict.fromkeys(_NAMES, outside) | dict.fromkeys(("createContainer", "startContainer"), inside)


def test_create_container_hook_sees_the_host_and_the_mounts(firkin: Firkin, bundle: Bundle, log: Path) -> None:
    (log / "outside").write_text("outside\n")
    _add(bundle, "createContainer", _hook(f"cat {log}/outside {bundle.rootfs}/etc/passwd; cat /proc/self/mountinfo"))
    bundle.config["hooks"]["createContainer"][0]["args"][2] += f"> {log}/mounts"
    bundle.mount("/mnt", "tmpfs", "marked")
    firkin.run(bundle)
    assert f" {bundle.rootfs}/mnt rw" in (log / "mounts").read_text()
    assert " - tmpfs marked " in (log / "mounts").read_text()


def test_create_container_hook_can_change_the_containers_mounts(firkin: Firkin, bundle: Bundle, log: Path) -> None:
    _add(bundle, "createContainer", _hook(f"mount -t tmpfs added {bundle.rootfs}/mnt"))
    assert " /mnt rw" in firkin.run(bundle.shell("grep added /proc/self/mountinfo"))


def test_start_container_hook_runs_in_the_image(firkin: Firkin, bundle: Bundle, log: Path) -> None:
    (bundle.rootfs / "hook").write_text("#!/bin/sh\ncat /etc/passwd > /found; echo $$ $1 $EXTRA >> /found\n")
    (bundle.rootfs / "hook").chmod(0o755)
    _add(bundle, "startContainer", {"path": "/hook", "args": ["hook", "first"], "env": ["PATH=/bin", "EXTRA=more"]})
    assert firkin.run(bundle.shell("tail -n 1 /found")) == "2 first more\n"


def test_arguments_begin_with_the_path_unless_given(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    script = tmp_path / "hook"
    script.write_text(f"#!/bin/sh\necho $0 $# > {tmp_path}/seen\n")
    script.chmod(0o755)
    _add(bundle, "createRuntime", {"path": str(script)})
    firkin.run(bundle)
    assert (tmp_path / "seen").read_text() == f"{script} 0\n"


def test_environment_is_the_hooks_own(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    for name in ("createRuntime", "poststop"):
        _add(bundle, name, {"path": "/usr/bin/env", "env": ["ONE=1", "TWO=2 2"]})
        bundle.config["hooks"][name][0] |= {"path": "/bin/sh", "args": ["sh", "-c", f"env > {tmp_path}/{name}"]}
    firkin("run", "-b", bundle.save(), firkin.new_id(), env={**os.environ, "HOST": "1"})
    for name in ("createRuntime", "poststop"):
        lines = (tmp_path / name).read_text().splitlines()
        assert {"ONE=1", "TWO=2 2"} <= set(lines)
        assert "HOST=1" not in lines


def test_environment_is_the_callers_unless_given(firkin: Firkin, bundle: Bundle, log: Path) -> None:
    names = ("createRuntime", "poststart", "poststop")
    for name in names:
        _add(bundle, name, {"path": "/bin/sh", "args": ["sh", "-c", f"env > {log}/{name}; touch {log}/{name}-ended"]})
    firkin("run", "-b", _waiting(bundle, log).save(), firkin.new_id(), env={**os.environ, "HOST": "1"})
    for name in names:
        assert "HOST=1" in (log / name).read_text().splitlines(), name


def test_hook_in_the_container_has_the_environment_of_the_program(firkin: Firkin, bundle: Bundle) -> None:
    _add(bundle, "startContainer", {"path": "/bin/sh", "args": ["sh", "-c", "env > /tmp/seen"]})
    bundle.process["env"] = ["ONE=1", "PATH=/bin"]
    firkin.run(bundle)
    assert "ONE=1" in (bundle.rootfs / "tmp/seen").read_text().splitlines()


def test_hooks_get_no_descriptors_of_the_runtime(firkin: Firkin, bundle: Bundle, log: Path) -> None:
    for name in _NAMES:
        _add(bundle, name, _hook(f"ls /proc/self/fd > {log}/{name}; touch {log}/{name}-ended"))
    firkin.run(_waiting(bundle, log))
    # The fourth is that of the listing itself.
    assert {name: (log / name).read_text().split() for name in _NAMES} == {key: ["0", "1", "2", "3"] for key in _NAMES}


@pytest.mark.parametrize("name", _NAMES[:5])
def test_failing_hook_is_fatal_and_leaves_nothing(firkin: Firkin, bundle: Bundle, log: Path, name: str) -> None:
    _add(bundle, name, _hook("exit 0"), _hook("echo in its own words >&2; exit 3"), _hook(f"touch {log}/third"))
    line = firkin.fails(bundle.shell("exec sleep 1000"))
    assert line == f"hooks.{name}[1]: /bin/sh: exit status 3: in its own words"
    assert not (log / "third").exists()


@pytest.mark.parametrize("name", _NAMES[:5])
def test_hook_that_a_signal_ends(firkin: Firkin, bundle: Bundle, name: str) -> None:
    _add(bundle, name, _hook("kill -KILL $$"))
    assert firkin.fails(bundle.shell("exec sleep 1000")) == f"hooks.{name}[0]: /bin/sh: ended by signal 9"


def _command_lines() -> list[bytes]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        # Others come and go meanwhile.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.append(path.read_bytes())
    return found


@pytest.mark.parametrize("name", _NAMES[:5])
def test_hook_that_takes_too_long_is_ended(firkin: Firkin, bundle: Bundle, name: str) -> None:
    _add(bundle, name, {"path": "/bin/sh", "args": ["sh", "-c", "exec sleep 4321"], "timeout": 1})
    assert firkin.fails(bundle.shell("exec sleep 1000")) == f"hooks.{name}[0]: /bin/sh: did not end within 1000 ms"
    assert b"sleep\x004321\x00" not in _command_lines()


@pytest.mark.parametrize("name", _NAMES[:5])
def test_hook_that_is_absent_is_named(firkin: Firkin, bundle: Bundle, name: str) -> None:
    _add(bundle, name, {"path": "/absent/hook"})
    assert firkin.fails(bundle.shell("exec sleep 1000")) == f"hooks.{name}[0]: /absent/hook: No such file or directory"


def test_failing_start_container_hook_ends_a_created_container(firkin: Firkin, bundle: Bundle) -> None:
    _add(bundle, "startContainer", _hook("exit 4"))
    id = firkin.create(bundle)
    done = firkin("start", id, check=False)
    assert (done.returncode, done.stderr) == (1, "firkin: error: hooks.startContainer[0]: exit status 4\n")
    wait_stopped(firkin, id)
    assert firkin.state(id)["status"] == "stopped"


def test_failing_poststart_hook_ends_a_created_container(firkin: Firkin, bundle: Bundle) -> None:
    _add(bundle, "poststart", _hook("echo words; exit 4"))
    id = firkin.create(bundle.shell("exec sleep 1000"))
    done = firkin("start", id, check=False)
    assert done.returncode == 1
    assert done.stderr == "firkin: error: hooks.poststart[0]: /bin/sh: exit status 4: words\n"
    assert firkin.leftovers(id) == []


def test_failing_poststop_hook_is_a_warning(firkin: Firkin, bundle: Bundle, log: Path) -> None:
    _add(
        bundle,
        "poststop",
        _hook("echo words; exit 5"),
        _hook("exec sleep 4322", timeout=1),
        _hook(f"touch {log}/third"),
    )
    done = firkin("run", "-b", bundle.save(), firkin.new_id())
    assert done.stderr.splitlines() == [
        "firkin: warning: hooks.poststop[0]: /bin/sh: exit status 5: words",
        "firkin: warning: hooks.poststop[1]: /bin/sh: did not end within 1000 ms",
    ]
    assert (log / "third").exists()
    assert firkin.leftovers(firkin.ids[-1]) == []


def test_poststop_hook_sees_a_container_without_processes(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    script = f"test -e /proc/$(cat {tmp_path}/pid)/exe && echo alive || echo gone"
    _add(bundle, "poststop", _hook(f"({script}) > {tmp_path}/seen"))
    id = firkin.create(bundle, "--pid-file", tmp_path / "pid")
    firkin("delete", "--force", id)
    assert (tmp_path / "seen").read_text() == "gone\n"


def test_output_of_hooks_is_not_the_containers(firkin: Firkin, bundle: Bundle, log: Path) -> None:
    for name in _NAMES:
        _add(bundle, name, _hook(f"echo output; echo complaint >&2; touch {log}/{name}-ended"))
    done = firkin("run", "-b", _waiting(bundle, log, "echo program; ").save(), firkin.new_id())
    assert (done.stdout, done.stderr) == ("program\n", "")


def test_hook_that_does_not_read_its_state(firkin: Firkin, bundle: Bundle) -> None:
    bundle.config["annotations"] = {"large": "x" * 1_000_000}
    _add(bundle, "createRuntime", {"path": "/bin/true"})
    assert firkin.run(bundle.shell("echo fine")) == "fine\n"


def test_hook_path_must_be_absolute(firkin: Firkin, bundle: Bundle) -> None:
    _add(bundle, "poststart", {"path": "hook"})
    assert firkin.fails(bundle) == 'config.json: hooks.poststart[0].path: must be an absolute path, got "hook"'


def test_create_runtime_hook_can_set_up_the_network_namespace(firkin: Firkin, bundle: Bundle) -> None:
    script = "pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); nsenter -t $pid -n sysctl -qw net.ipv4.ip_default_ttl=77"
    _add(bundle, "createRuntime", _hook(script))
    bundle.config["hooks"]["createRuntime"][0]["env"] = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    assert firkin.run(bundle.shell("cat /proc/sys/net/ipv4/ip_default_ttl")) == "77\n"
