"""The system call filter: its effect, and its cache."""

from __future__ import annotations

import errno
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.bundle import Bundle, Firkin
from tests.support.seccomp_agent import SeccompAgent
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2")


def _filter(action: str = "SCMP_ACT_ERRNO", **more: Any) -> dict[str, Any]:
    rule = {"names": ["mkdir", "mkdirat"], "action": action, **more}
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}


@pytest.mark.parametrize("privileged", [False, True])
@pytest.mark.parametrize(("errno", "words"), [(None, "Operation not permitted"), (74, "Bad message")])
def test_forbidden_call_fails(firkin: Firkin, bundle: Bundle, errno: int | None, words: str, privileged: bool) -> None:
    bundle.process["noNewPrivileges"] = not privileged
    more: dict[str, Any] = {} if errno is None else {"errnoRet": errno}
    bundle.linux["seccomp"] = _filter(**more)
    shown = firkin.run(bundle.shell("mkdir /tmp/x 2>&1; grep ^Seccomp: /proc/self/status"))
    assert shown == f"mkdir: can't create directory '/tmp/x': {words}\nSeccomp:\t2\n"


def test_forbidden_call_may_kill(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["seccomp"] = _filter("SCMP_ACT_KILL_PROCESS")
    assert firkin.run(bundle.shell("(mkdir /tmp/x); echo $?")) == f"{128 + 31}\n"


def test_filter_holds_for_an_unprivileged_user(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.linux["seccomp"] = _filter()
    assert "Operation not permitted" in firkin.run(bundle.shell("mkdir /tmp/x 2>&1; true"))


def test_list_of_allowed_calls_need_not_have_those_of_the_runtime(firkin: Firkin, bundle: Bundle) -> None:
    allowed = (
        "execve brk mmap mprotect munmap arch_prctl set_tid_address prctl write exit_group exit rseq getuid getpid"
    )
    allowed += (
        " getppid getrandom rt_sigaction rt_sigprocmask getcwd readlink ioctl newfstatat stat fstat uname sysinfo"
    )
    allowed += (
        " prlimit64 set_robust_list setuid geteuid getgid getegid setgid dup2 fcntl readlinkat dup3 openat read close"
    )
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [{"names": allowed.split(), "action": "SCMP_ACT_ALLOW"}],
    }
    assert firkin.run(bundle.shell("echo alive")) == "alive\n"


def test_call_newer_than_the_profile_is_unknown_and_not_forbidden(firkin: Firkin, bundle: Bundle) -> None:
    names = [
        line.split()[1].removeprefix("__NR_")
        for line in _unistd()
        if line.startswith("#define __NR_") and int(line.split()[2]) < 400
    ]
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}],
    }
    script = "import ctypes; libc = ctypes.CDLL(None, use_errno=True); libc.syscall(460); print(ctypes.get_errno())"
    assert firkin.run(bundle.python(script)) == "38\n"


def _unistd() -> list[str]:
    import os
    from pathlib import Path

    machine = os.uname().machine
    places = (f"/usr/include/{machine}-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h")
    found = [place for place in places if Path(place).exists()]
    if not found:
        pytest.skip("no list of system calls")
    return Path(found[0]).read_text().splitlines()


def test_second_run_takes_the_filter_from_the_cache(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["seccomp"] = _filter()
    bundle.shell("mkdir /tmp/x 2>&1; true")
    first = firkin.run(bundle)
    cached = {path: path.stat().st_ino for path in (firkin.root / ".cache/seccomp").iterdir()}
    assert len(cached) == 1
    assert firkin.run(bundle) == first
    assert {path: path.stat().st_ino for path in (firkin.root / ".cache/seccomp").iterdir()} == cached


def test_other_filter_is_another_entry_of_the_cache(firkin: Firkin, bundle: Bundle) -> None:
    for number in (74, 75):
        bundle.linux["seccomp"] = _filter(errnoRet=number)
        firkin.run(bundle)
    assert len(list((firkin.root / ".cache/seccomp").iterdir())) == 2


def test_damaged_entry_of_the_cache_is_not_used(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["seccomp"] = _filter()
    bundle.shell("mkdir /tmp/x 2>&1; true")
    first = firkin.run(bundle)
    for path in (firkin.root / ".cache/seccomp").iterdir():
        path.write_bytes(path.read_bytes()[:-8])
    assert firkin.run(bundle) == first


def test_cache_is_no_container(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["seccomp"] = _filter()
    firkin.run(bundle)
    assert firkin("list", "--quiet").stdout == ""


def test_without_a_filter_there_is_none(firkin: Firkin, bundle: Bundle) -> None:
    assert firkin.run(bundle.shell("grep ^Seccomp: /proc/self/status")) == "Seccomp:\t0\n"


def test_agent_that_is_not_there_is_an_error(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["seccomp"] = {**_filter("SCMP_ACT_NOTIFY"), "listenerPath": "/run/no/listener"}
    why = "No such file or directory"
    assert firkin.fails(bundle) == f"linux.seccomp.listenerPath: connect /run/no/listener: {why}"


def _run_with_agent(firkin: Firkin, bundle: Bundle, path: Path, *, privileged: bool) -> tuple[SeccompAgent, str]:
    bundle.process["noNewPrivileges"] = not privileged
    bundle.config["annotations"] = {"org.example.key": "value"}
    profile = {**_filter("SCMP_ACT_NOTIFY"), "listenerPath": str(path), "listenerMetadata": 'some "thing"'}
    bundle.linux["seccomp"] = profile
    with SeccompAgent(path) as agent:
        return agent, firkin.run(bundle.shell("mkdir /tmp/x 2>&1; grep ^Seccomp: /proc/self/status"))


@pytest.mark.parametrize("privileged", [False, True])
def test_agent_is_asked(firkin: Firkin, bundle: Bundle, tmp_path: Path, privileged: bool) -> None:
    agent, shown = _run_with_agent(firkin, bundle, tmp_path / "agent", privileged=privileged)
    assert shown == "mkdir: can't create directory '/tmp/x': No medium found\nSeccomp:\t2\n"
    assert len(agent.asked) == 1
    (told,) = agent.states
    assert told["fds"] == ["seccompFd"]
    assert told["metadata"] == 'some "thing"'
    assert told["ociVersion"] == bundle.config["ociVersion"]
    state = told["state"]
    assert state["pid"] == told["pid"] > 0
    assert state["status"] == ("creating" if privileged else "created")
    assert (state["id"], state["bundle"]) == (firkin.ids[-1], str(bundle.path))
    assert state["annotations"] == {"org.example.key": "value"}


def test_agent_hears_the_process_id_of_the_host(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    bundle.linux["seccomp"] = {**_filter("SCMP_ACT_NOTIFY"), "listenerPath": str(tmp_path / "agent")}
    with SeccompAgent(tmp_path / "agent") as agent:
        id = firkin.start(bundle.shell("mkdir /tmp/x; exec sleep 1000"))
        pid = firkin.state(id)["pid"]
        eventually(lambda: agent.asked, bool)
        assert agent.states[0]["pid"] == pid
        firkin("delete", "--force", id)


def test_agent_is_asked_for_an_exec_too(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "agent"
    bundle.linux["seccomp"] = {**_filter("SCMP_ACT_NOTIFY"), "listenerPath": str(path)}
    with SeccompAgent(path):
        id = firkin.start(bundle.shell("exec sleep 1000"))
        path.unlink()
        with SeccompAgent(path) as agent:
            done = firkin("exec", id, "mkdir", "/tmp/x", check=False)
        firkin("delete", "--force", id)
    assert "No medium found" in done.stderr
    assert agent.states[0]["state"]["status"] == "running"
    assert agent.states[0]["pid"] not in (0, agent.states[0]["state"].get("id"))


def test_every_call_of_the_runtime_may_be_one_that_is_asked_for(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    names = ["waitid", "futex", "close", "execve"]
    rule = {"names": names, "action": "SCMP_ACT_NOTIFY"}
    path = tmp_path / "agent"
    bundle.process["noNewPrivileges"] = True
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule], "listenerPath": str(path)}
    with SeccompAgent(path, errno.EACCES) as agent:
        line = firkin.fails(bundle, code=126)
    assert line == 'exec: "true": permission denied'
    assert agent.asked


@pytest.mark.parametrize(
    "flag", ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"]
)
def test_flags_of_the_filter_are_taken(firkin: Firkin, bundle: Bundle, flag: str) -> None:
    bundle.linux["seccomp"] = {**_filter(), "flags": [flag]}
    assert "not permitted" in firkin.run(bundle.shell("mkdir /tmp/x 2>&1; true"))


def test_flags_of_a_filter_that_asks_are_taken(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    flags = ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]
    path = tmp_path / "agent"
    bundle.linux["seccomp"] = {**_filter("SCMP_ACT_NOTIFY"), "listenerPath": str(path), "flags": flags}
    with SeccompAgent(path) as agent:
        firkin.run(bundle.shell("mkdir /tmp/x; true"))
    assert agent.asked


def test_a_filter_that_allows_nothing_is_the_end_of_the_container(firkin: Firkin, bundle: Bundle) -> None:
    # It can neither execute its program, nor say so, nor exit.
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ERRNO"}
    id = firkin.new_id()
    done = firkin("run", "-b", bundle.save(), id, check=False)
    assert done.returncode == 128 + signal.SIGILL and firkin.leftovers(id) == []
