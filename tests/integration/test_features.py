"""`firkin features`: what it claims is true, claim by claim, and what it denies is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")

# Of mounts that are there already, or of their sources; they have tests of their own in test_mounts.py.
_NOT_FOR_TMPFS = {"bind", "rbind", "remount", "idmap", "ridmap", "src-nofollow"}


@pytest.fixture
def claims(firkin: Firkin) -> dict[str, Any]:
    """The document."""
    document: dict[str, Any] = json.loads(firkin("features").stdout)
    return document


def test_versions(firkin: Firkin, bundle: Bundle, claims: dict[str, Any]) -> None:
    for version in (claims["ociVersionMin"], claims["ociVersionMax"]):
        bundle.config["ociVersion"] = version
        firkin.run(bundle)


def test_hooks(firkin: Firkin, bundle: Bundle, claims: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    bundle.mount(str(tmp_path / "log"), "bind", str(tmp_path / "log"), "bind")
    script = ["/bin/sh", "-c"]
    bundle.config["hooks"] = {
        name: [{"path": "/bin/sh", "args": [*script, f": > {tmp_path}/log/{name}"]}] for name in claims["hooks"]
    }
    firkin.run(bundle.shell(f"until [ -e {tmp_path}/log/poststart ]; do :; done"))
    assert sorted(os.listdir(tmp_path / "log")) == sorted(claims["hooks"])


def test_mount_options(firkin: Firkin, bundle: Bundle, claims: dict[str, Any]) -> None:
    words = [word for word in claims["mountOptions"] if word not in _NOT_FOR_TMPFS]
    assert set(words) | _NOT_FOR_TMPFS == set(claims["mountOptions"])
    for word in words:
        # A word that is not the runtime's goes to the file system, which refuses it.
        bundle.mount(f"/mnt/{word}", "tmpfs", "tmpfs", word)
    mounted = firkin.run(bundle.shell("cat /proc/self/mountinfo"))
    assert {line.split()[4] for line in mounted.splitlines()} >= {f"/mnt/{word}" for word in words}


def test_namespaces(firkin: Firkin, bundle: Bundle, claims: dict[str, Any]) -> None:
    kinds = claims["linux"]["namespaces"]
    bundle.namespaces(*(kind for kind in kinds if kind != "user")).user_namespace()
    files = {"mount": "mnt", "network": "net"}
    names = [files.get(kind, kind) for kind in kinds]
    shown = firkin.run(bundle.shell("".join(f"readlink /proc/self/ns/{name}; " for name in names))).split()
    assert not set(shown) & {os.readlink(f"/proc/self/ns/{name}") for name in names}
    assert len(shown) == len(kinds) == 8


@pytest.mark.requires("userns")
def test_capabilities(firkin: Firkin, bundle: Bundle, claims: dict[str, Any]) -> None:
    names = claims["linux"]["capabilities"]
    bundle.process["capabilities"] = dict.fromkeys(("bounding", "permitted", "effective"), names)
    done = firkin("run", "-b", bundle.user_namespace().shell("grep ^CapEff /proc/self/status").save(), firkin.new_id())
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    assert int(done.stdout.split()[1], 16) == (1 << last + 1) - 1
    assert done.stderr.count("can't be granted") == len(names) - (last + 1)


def test_actions_and_operators_of_filters(firkin: Firkin, bundle: Bundle, claims: dict[str, Any]) -> None:
    seccomp = claims["linux"]["seccomp"]
    # Each for a call of its own that nobody makes, with each operator.
    calls = (
        "acct",
        "swapon",
        "swapoff",
        "quotactl",
        "reboot",
        "kexec_load",
        "init_module",
        "delete_module",
        "pivot_root",
    )
    actions = [action for action in seccomp["actions"] if action != "SCMP_ACT_NOTIFY"]
    assert len(actions) == len(seccomp["actions"]) - 1 <= len(calls)
    comparisons = [{"index": 0, "value": 1, "valueTwo": 1, "op": operator} for operator in seccomp["operators"]]
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": seccomp["archs"],
        "syscalls": [
            {"names": [call], "action": action, "args": [comparison]}
            for call, action in zip(calls, actions, strict=False)
            for comparison in comparisons
        ],
    }
    assert firkin.run(bundle.shell("grep ^Seccomp: /proc/self/status")) == "Seccomp:\t2\n"


def test_flags_of_filters(firkin: Firkin, bundle: Bundle, claims: dict[str, Any]) -> None:
    seccomp = claims["linux"]["seccomp"]
    assert set(seccomp["supportedFlags"]) <= set(seccomp["knownFlags"])
    for flag in seccomp["supportedFlags"]:
        bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [], "flags": [flag]}
        firkin.run(bundle)


def test_memory_policies(firkin: Firkin, bundle: Bundle, claims: dict[str, Any]) -> None:
    policies = claims["linux"]["memoryPolicy"]
    for mode in policies["modes"]:
        nodes = "" if mode in ("MPOL_DEFAULT", "MPOL_LOCAL") else "0"
        bundle.linux["memoryPolicy"] = {"mode": mode, "nodes": nodes}
        firkin.run(bundle)
    for flag in policies["flags"]:
        bundle.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0", "flags": [flag]}
        firkin.run(bundle)


def test_what_is_denied_is_refused(firkin: Firkin, bundle: Bundle, claims: dict[str, Any]) -> None:
    assert claims["linux"]["intelRdt"] == {"enabled": False}
    bundle.linux["intelRdt"] = {"closID": "some"}
    assert firkin.fails(bundle) == "config.json: linux.intelRdt: is not supported"
    assert claims["linux"]["cgroup"]["v1"] is False


@pytest.mark.requires("userns")
def test_mapped_mounts(firkin: Firkin, bundle: Bundle, claims: dict[str, Any], tmp_path: Path) -> None:
    assert claims["linux"]["mountExtensions"] == {"idmap": {"enabled": True}}
    (tmp_path / "file").touch()
    bundle.user_namespace().mount("/mnt", "bind", str(tmp_path), "rbind", "ridmap")
    assert firkin.run(bundle.shell("stat -c %u /mnt/file")) == "0\n"
