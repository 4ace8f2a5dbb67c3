"""What a test may require of the machine: one word for each precondition, and one probe for each word.

    @pytest.mark.requires("root", "cgroup2", "memory")

A probe tries the thing itself; it asks neither the kernel's version nor its configuration. It answers
"" where the requirement is met and else says why not. Where a test requires a word that the machine
does not meet, it is skipped with that reason; in the guest, which is built to meet the words of
`GUEST_MEETS`, it fails.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import cgroup_probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["CONTROLLERS", "GUEST_MEETS", "SYSTEMD_GUEST_MEETS", "WORDS", "scratch_disk", "unmet", "why_unmet"]

CONTROLLERS = ("cpu", "cpuset", "hugetlb", "io", "memory", "misc", "pids", "rdma")
"""The words that are controllers of cgroup v2."""

_SCRATCH_SERIAL = "firkin-scratch"


def why_unmet(word: str) -> str:
    """Why this machine does not meet the requirement `word`, or ""; raises `KeyError` for a word that is none."""
    return _answer(word)


def unmet(words: Iterable[str]) -> dict[str, str]:
    """Those of `words` that are not met, with the reasons."""
    return {word: reason for word in words if (reason := why_unmet(word))}


def scratch_disk() -> Path | None:
    """The block device that tests may overwrite, if there is one: the guest has it."""
    for serial in Path("/sys/block").glob("*/serial"):
        if serial.read_text().strip() == _SCRATCH_SERIAL:
            return Path("/dev") / serial.parent.name
    return None


@functools.cache
def _answer(word: str) -> str:
    return WORDS[word]()


def _runs(*command: str) -> Callable[[], str]:
    return functools.partial(_failure, command)


def _failure(command: tuple[str, ...]) -> str:
    if shutil.which(command[0]) is None:
        return f"no {command[0]} on PATH"
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    complaint = (result.stderr.strip() or result.stdout.strip() or f"status {result.returncode}").splitlines()[-1]
    return f"{' '.join(command)}: {complaint}" if result.returncode else ""


def _root() -> str:
    return _failure(("unshare", "--mount", "true")) if os.geteuid() == 0 else f"user {os.geteuid()} is not root"


def _mounts(script: str) -> Callable[[], str]:
    # In namespaces of its own, so that no trace of the attempt remains.
    def probe() -> str:
        with tempfile.TemporaryDirectory() as place:
            command = f"mount -t tmpfs tmpfs {place} && cd {place} && {script}"
            return _failure(("unshare", "--mount", "--ipc", "sh", "-ec", command))

    return probe


def _swap() -> str:
    return "" if Path("/proc/swaps").read_text().count("\n") > 1 else "no swap space is in use"


def _disk() -> str:
    return "" if scratch_disk() else f"no disk with the serial number {_SCRATCH_SERIAL}"


def _clock() -> str:
    return "" if scratch_disk() else "the time of a machine that is not a guest is not for tests to set"


def _loop() -> str:
    try:
        os.close(os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"/dev/loop-control: {error.strerror}"
    return _failure(("mkfs.ext4", "-V"))


def _cni_plugins() -> str:
    places = ("/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni")
    return "" if any(Path(place, "portmap").exists() for place in places) else f"no portmap in {', '.join(places)}"


def _apparmor() -> str:
    path = Path("/sys/module/apparmor/parameters/enabled")
    if not path.exists() or not path.read_text().startswith("Y"):
        return "the kernel has no AppArmor, or it is not enabled"
    return "" if Path("/sys/kernel/security/apparmor/profiles").exists() else "no securityfs on /sys/kernel/security"


def _pressure() -> str:
    try:
        Path("/proc/pressure/cpu").read_text()
    except OSError as error:
        return str(error)
    return ""


WORDS: Mapping[str, Callable[[], str]] = {
    "root": _root,
    "cgroup2": cgroup_probe.why_no_child,
    "unified": cgroup_probe.why_not_unified,
    **{name: functools.partial(cgroup_probe.why_no_controller, name) for name in CONTROLLERS},
    "psi": _pressure,
    "apparmor": _apparmor,
    "swap": _swap,
    "disk": _disk,
    "clock": _clock,
    "loop": _loop,
    "userns": _runs("unshare", "--user", "--map-root-user", "true"),
    "cgroupns": _runs("unshare", "--cgroup", "true"),
    "netns": _runs("unshare", "--net", "true"),
    "bridge": _runs("unshare", "--net", "ip", "link", "add", "type", "bridge"),
    "timens": _runs("unshare", "--time", "true"),
    "mqueue": _mounts("mkdir m && mount -t mqueue mqueue m"),
    "overlay": _mounts("mkdir l u w m && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w overlay m"),
    "systemd": _runs("systemctl", "show", "--property=Version"),
    "apparmor_parser": _runs("apparmor_parser", "--version"),
    "buildah": _runs("buildah", "--version"),
    "busybox": _runs("busybox", "true"),
    "chromium": _runs("chromium", "--version"),
    "cni-plugins": _cni_plugins,
    "cpio": _runs("cpio", "--version"),
    "criu": _runs("criu", "check"),
    "crun": _runs("crun", "--version"),
    "debootstrap": _runs("debootstrap", "--version"),
    "docker-registry": _runs("docker-registry", "--version"),
    "gcc": _runs("gcc", "--version"),
    "ip": _runs("ip", "link", "show", "lo"),
    "iptables": _runs("unshare", "--net", "iptables", "--table", "nat", "--list"),
    "kubectl": _runs(str(Path(sys.executable).parent / "kubectl"), "version", "--client"),
    "nft": _runs(
        "unshare", "--net", "nft", "add table inet x; add chain inet x y { type nat hook postrouting priority 0; }"
    ),
    "openssl": _runs("openssl", "version"),
    "runc": _runs("runc", "--version"),
    "skopeo": _runs("skopeo", "--version"),
    "strace": _runs("strace", "-o", "/dev/null", "true"),
    "tmux": _runs("tmux", "-V"),
    "umoci": _runs("umoci", "--version"),
    "zstd": _runs("zstd", "--version"),
}
"""Each word with its probe."""

GUEST_MEETS = frozenset(
    {"root", "cgroup2", "unified", *CONTROLLERS, "psi", "swap", "disk", "clock"}
    | {"userns", "cgroupns", "netns", "timens", "mqueue", "overlay", "bridge", "apparmor", "criu"}
)
"""What the guest always meets. Programs are the machine's own, which it can only share; CRIU needs its kernel."""

SYSTEMD_GUEST_MEETS = GUEST_MEETS | {"systemd"}
"""What the guest meets where systemd is its PID 1."""
