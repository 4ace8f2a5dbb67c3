"""What a process may do is what the configuration says, in `run` and in `exec`; and who it is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")

_SHOW = "grep Cap /proc/self/status"
_KILL, _CHOWN, _NET_RAW, _SYS_ADMIN = 1 << 5, 1 << 0, 1 << 13, 1 << 21


def _sets(text: str) -> dict[str, int]:
    words = text.split()
    return {
        name.rstrip(":").removeprefix("Cap"): int(value, 16) for name, value in zip(*[iter(words)] * 2, strict=True)
    }


def _give(bundle: Bundle, **sets: list[str]) -> Bundle:
    bundle.process["capabilities"] = sets
    return bundle


def _plain(bundle: Bundle, *names: str) -> Bundle:
    return _give(bundle, bounding=[*names], effective=[*names], permitted=[*names])


@pytest.mark.parametrize("uid", [0, 1000])
def test_inheritable_is_empty_unless_asked(firkin: Firkin, bundle: Bundle, uid: int) -> None:
    _plain(bundle, "CAP_KILL", "CAP_CHOWN").process["user"] = {"uid": uid, "gid": uid}
    id = firkin.start(bundle.shell("sleep 1000"))
    for text in (firkin("exec", id, "sh", "-c", _SHOW).stdout, firkin.run(bundle.shell(_SHOW))):
        sets = _sets(text)
        assert (sets["Inh"], sets["Amb"]) == (0, 0)
        assert sets["Bnd"] == _KILL | _CHOWN


def test_extra_capability_of_exec_is_not_inheritable(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(_plain(bundle, "CAP_KILL").shell("sleep 1000"))
    sets = _sets(firkin("exec", "--cap", "net_raw", id, "sh", "-c", _SHOW).stdout)
    assert (sets["Inh"], sets["Amb"]) == (0, 0)
    assert sets["Bnd"] == sets["Eff"] == sets["Prm"] == _KILL | _NET_RAW


def test_inheritable_capabilities_of_the_caller_are_dropped(firkin: Firkin, bundle: Bundle) -> None:
    # capset(2) with all inheritable, then firkin.
    raise_all = (
        "import ctypes, os, sys; c = ctypes.CDLL(None, use_errno=True); u = ctypes.c_uint32;"
        "h, d = (u * 2)(0x20080522, 0), (u * 6)(); c.capget(h, d); d[2], d[5] = d[1], d[4];"
        "sys.exit(1) if c.capset(h, d) else os.execv(sys.argv[1], sys.argv[1:])"
    )
    argv = firkin.command("run", "-b", _plain(bundle, "CAP_KILL").shell(_SHOW).save(), firkin.new_id())
    done = subprocess.run([sys.executable, "-c", raise_all, *argv], capture_output=True, text=True, check=True)
    assert _sets(done.stdout)["Inh"] == 0


@pytest.mark.parametrize("names", [[], ["CAP_KILL"], ["CAP_CHOWN", "CAP_SYS_ADMIN"]])
def test_bounding_set_is_that_of_the_configuration(firkin: Firkin, bundle: Bundle, names: list[str]) -> None:
    bits = {"CAP_KILL": _KILL, "CAP_CHOWN": _CHOWN, "CAP_SYS_ADMIN": _SYS_ADMIN}
    _give(bundle, bounding=names, effective=[], permitted=[]).shell(_SHOW)
    assert _sets(firkin.run(bundle))["Bnd"] == sum(bits[name] for name in names)


def test_no_capabilities_at_all_without_the_object(firkin: Firkin, bundle: Bundle) -> None:
    del bundle.process["capabilities"]
    id = firkin.start(bundle.shell("sleep 1000"))
    for text in (firkin("exec", id, "sh", "-c", _SHOW).stdout, firkin.run(bundle.shell(_SHOW))):
        assert set(_sets(text).values()) == {0}


def test_ambient_only_where_asked(firkin: Firkin, bundle: Bundle) -> None:
    names = ["CAP_NET_RAW", "CAP_KILL"]
    _give(
        bundle, bounding=names, effective=names, permitted=names, inheritable=["CAP_NET_RAW"], ambient=["CAP_NET_RAW"]
    )
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    id = firkin.start(bundle.shell("sleep 1000"))
    for text in (firkin("exec", id, "sh", "-c", _SHOW).stdout, firkin.run(bundle.shell(_SHOW))):
        sets = _sets(text)
        assert sets["Amb"] == sets["Inh"] == sets["Eff"] == sets["Prm"] == _NET_RAW


def test_ambient_without_inheritable_is_not_granted(firkin: Firkin, bundle: Bundle) -> None:
    names = ["CAP_NET_RAW"]
    _give(bundle, bounding=names, effective=names, permitted=names, ambient=names)
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    assert _sets(firkin.run(bundle.shell(_SHOW)))["Amb"] == 0


def test_other_user_has_no_capabilities_left(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    sets = _sets(firkin.run(_plain(bundle, "CAP_SYS_ADMIN").shell(_SHOW)))
    assert (sets["Eff"], sets["Prm"]) == (0, 0)


def test_no_new_privileges_holds_in_exec_too(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("sleep 1000"))
    assert firkin("exec", id, "grep", "NoNewPrivs", "/proc/self/status").stdout.split()[1] == "1"


@pytest.mark.parametrize("field", ["uid", "gid"])
@pytest.mark.parametrize("value", [4294967295, 4294967296, -1, 1 << 63, "0", 0.5, True])
def test_id_out_of_range_is_refused(firkin: Firkin, bundle: Bundle, field: str, value: object) -> None:
    bundle.process["user"][field] = value
    assert f"process.user.{field}" in firkin.fails(bundle)


def test_last_id_is_an_id(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["user"] = {"uid": 4294967294, "gid": 4294967294}
    assert firkin.run(bundle.shell("id -u; id -g")) == "4294967294\n4294967294\n"


@pytest.fixture
def running(firkin: Firkin, bundle: Bundle) -> str:
    """A container of root's whose image knows a user with the name of a number."""
    bundle.rootfs.joinpath("etc/passwd").write_text("1:x:0:0::/:/bin/sh\n1000:x:0:0::/:/bin/sh\na:x:0:0::/:/bin/sh\n")
    return firkin.start(bundle.shell("sleep 1000"))


def test_numbers_of_exec_are_ids_and_never_names(firkin: Firkin, running: str) -> None:
    for text, ids in (("1", "1:0"), ("1:1", "1:1"), ("1000", "1000:0"), ("007", "7:0"), ("4294967294", "4294967294:0")):
        out = firkin("exec", "-u", text, running, "sh", "-c", 'echo "$(id -u):$(id -g)"').stdout
        assert out == f"{ids}\n", text


def test_exec_refuses_what_is_no_user(firkin: Firkin, running: str) -> None:
    bad = (
        "",
        "0x1",
        "-1",
        "1:",
        ":1",
        ":",
        "a",
        "root",
        "4294967295",
        "4294967296",
        "1:4294967295",
        "18446744073709551617",
    )
    accepted = []
    for text in (*bad, " 1", "1 ", "+1", "1_0", "\uff11", "\u00b2", "1:1:1", "1.0", "1e1", "1,2"):
        done = firkin("exec", f"--user={text}", running, "id", check=False)
        if not done.returncode or "--user" not in done.stderr:
            accepted.append((text, done.stdout, done.stderr))
    assert accepted == []


@pytest.mark.parametrize("value", [4294967295, -1, "1"])
def test_exec_document_has_the_same_ids(firkin: Firkin, bundle: Bundle, running: str, value: object) -> None:
    document = bundle.path / "process.json"
    document.write_text(json.dumps({"cwd": "/", "args": ["/bin/id"], "user": {"uid": value, "gid": 0}}))
    done = firkin("exec", "--process", document, running, check=False)
    assert done.returncode and "user.uid" in done.stderr and done.stdout == ""
