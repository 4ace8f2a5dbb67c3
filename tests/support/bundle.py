"""Bundles and the firkin under test: build a bundle, change its configuration, run the real command on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from firkin.cgroupfs.hierarchy import find_hierarchy
from firkin.oci.default_config import default_config
from tests.support.kept_plans import keep_plan
from tests.support.waiting import SECONDS, eventually

FIRKIN = Path(sys.executable).parent / "firkin"
_APPLETS = [
    "sh",
    "cat",
    "ls",
    "id",
    "ps",
    "mount",
    "umount",
    "true",
    "false",
    "sleep",
    "hostname",
    "dd",
    "touch",
    "mkdir",
    "rm",
    "ln",
    "echo",
    "env",
    "grep",
    "head",
    "tail",
    "test",
    "stat",
    "readlink",
    "kill",
    "nproc",
    "awk",
    "sed",
    "wc",
    "tr",
    "cut",
    "sort",
    "od",
    "date",
    "stty",
    "tty",
    "seq",
    "mknod",
    "chmod",
    "chown",
    "ifconfig",
    "ip",
    "du",
    "free",
    "tee",
    "xargs",
    "sync",
    "unshare",
    "nsenter",
    "su",
]


def make_rootfs(path: Path) -> Path:
    """A root file system with a static busybox and the usual directories."""
    for directory in ("bin", "dev", "etc", "proc", "sys", "tmp", "root", "run", "mnt"):
        (path / directory).mkdir(parents=True, exist_ok=True)
    shutil.copy2("/bin/busybox", path / "bin/busybox")
    for applet in _APPLETS:
        (path / "bin" / applet).symlink_to("busybox")
    (path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n")
    return path


class Bundle:
    """A bundle directory whose `config` is a plain dictionary, written by `save`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rootfs = make_rootfs(path / "rootfs")
        self.config: dict[str, Any] = default_config(cgroup_namespace=True)
        self.process["terminal"] = False
        self.process["args"] = ["true"]
        self.process.pop("rlimits", None)
        self.config["root"] = {"path": "rootfs", "readonly": False}

    @property
    def process(self) -> dict[str, Any]:
        """The `process` object."""
        process = self.config["process"]
        assert isinstance(process, dict)
        return process

    @property
    def linux(self) -> dict[str, Any]:
        """The `linux` object."""
        linux = self.config["linux"]
        assert isinstance(linux, dict)
        return linux

    def shell(self, script: str) -> Bundle:
        """Let the container run a shell script."""
        self.process["args"] = ["/bin/sh", "-c", script]
        return self

    def python(self, script: str) -> Bundle:
        """Let the container run a Python script, by the host's interpreter."""
        for place in dict.fromkeys(("/usr", "/lib", "/lib64", sys.base_prefix)):
            inside = self.rootfs / place[1:]
            if os.path.islink(place) and not inside.is_symlink():
                inside.symlink_to(os.readlink(place))
            elif os.path.isdir(place) and not os.path.islink(place) and not self.has_mount(place):
                self.mount(place, "bind", place, "rbind", "ro")
        self.process["args"] = [os.path.realpath(sys.executable), "-I", "-S", "-c", script]
        return self

    def has_mount(self, destination: str) -> bool:
        """Whether something is mounted there."""
        return any(mount["destination"] == destination for mount in self.config["mounts"])

    def without_mount(self, *destinations: str) -> Bundle:
        """Leave out the mounts on these places."""
        self.config["mounts"] = [m for m in self.config["mounts"] if m["destination"] not in destinations]
        return self

    def namespaces(self, *types: str, **joined: str) -> Bundle:
        """New namespaces of these types, and joined ones by path."""
        listed: list[dict[str, str]] = [{"type": name} for name in types]
        listed += [{"type": name, "path": path} for name, path in joined.items()]
        self.linux["namespaces"] = listed
        return self

    def user_namespace(self, first: int = 100000, size: int = 65536) -> Bundle:
        """Add a user namespace whose root is `first` on the host, and give it the root file system."""
        self.linux["namespaces"].append({"type": "user"})
        for kind in ("uidMappings", "gidMappings"):
            self.linux[kind] = [{"containerID": 0, "hostID": first, "size": size}]
        subprocess.run(["chown", "-Rh", f"{first}:{first}", self.rootfs], check=True)
        for directory in (self.path, *self.path.parents):
            if directory.stat().st_uid == os.getuid() and directory != Path("/"):
                directory.chmod(directory.stat().st_mode | 0o011)
        return self

    def mount(self, destination: str, type: str = "bind", source: str = "", *options: str) -> Bundle:
        """Add a mount."""
        self.config["mounts"].append(
            {"destination": destination, "type": type, "source": source, "options": list(options)}
        )
        return self

    def save(self) -> Path:
        """Write config.json; returns the bundle's path."""
        (self.path / "config.json").write_text(json.dumps(self.config, indent=1))
        return self.path


class Firkin:
    """The command, with a state root of its own; `close` deletes what tests left and checks that nothing stays."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ids: list[str] = []
        self.keeps_plans = False

    def command(self, *words: str | Path) -> list[str]:
        """The full command line. With `keeps_plans` the plan is kept beforehand that it will use."""
        if self.keeps_plans and words[0] in ("run", "create"):
            keep_plan(self.root, [str(word) for word in words])
        return [str(FIRKIN), "--root", str(self.root), *map(str, words)]

    def __call__(
        self, *words: str | Path, check: bool = True, timeout: float = 120, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; a failure shows command line and output."""
        argv = self.command(*words)
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False, **options)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(argv)}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def new_id(self) -> str:
        """An id that no other test uses."""
        self.ids.append(f"t{uuid.uuid4().hex[:12]}")
        return self.ids[-1]

    def run(self, bundle: Bundle, *words: str | Path, check: bool = True, **options: Any) -> str:
        """`firkin run` in the foreground; returns standard output."""
        done = self("run", *words, "-b", bundle.save(), self.new_id(), check=check, **options)
        return done.stdout

    def fails(self, bundle: Bundle, *words: str | Path, code: int = 1, **options: Any) -> str:
        """`firkin run` that must fail with this exit code and one line; returns the line, and checks for leftovers."""
        id = self.new_id()
        done = self("run", *words, "-b", bundle.save(), id, check=False, **options)
        assert done.returncode == code, f"exit code {done.returncode}: {done.stderr}"
        lines = done.stderr.splitlines()
        assert len(lines) == 1 and lines[0].startswith("firkin: error: "), done.stderr
        assert self.leftovers(id) == []
        return lines[0].removeprefix("firkin: error: ")

    def create(self, bundle: Bundle, *words: str | Path, **options: Any) -> str:
        """`firkin create`; returns the id. Standard streams go to /dev/null unless `options` say otherwise."""
        id = self.new_id()
        # No pipe: the container would hold its writing end.
        with open("/dev/null", "r+b") as null, open(self.root.parent / f"{id}.err", "w+") as errors:
            streams = {"stdin": null, "stdout": null, "stderr": errors, **options}
            argv = self.command("create", *words, "-b", bundle.save(), id)
            code = subprocess.run(argv, timeout=120, check=False, **streams).returncode
            errors.seek(0)
            assert code == 0, errors.read()
        return id

    def start(self, bundle: Bundle, *words: str | Path, **options: Any) -> str:
        """`firkin create` and `start`; returns the id."""
        id = self.create(bundle, *words, **options)
        self("start", id)
        return id

    def state(self, id: str) -> dict[str, Any]:
        """The parsed output of `firkin state`."""
        state: dict[str, Any] = json.loads(self("state", id).stdout)
        return state

    def processes(self, id: str, count: int) -> list[int]:
        """The pids that `firkin ps` tells, once the container has as many processes as that."""
        return eventually(
            lambda: json.loads(self("ps", "--format", "json", id).stdout), lambda pids: len(pids) == count
        )

    def leftovers(self, id: str) -> list[str]:
        """What is left of a container: its record, its cgroup, a mount below the test's directory."""
        places = [self.root / id, Path(find_hierarchy().mount) / f"firkin-{id}"]
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        below = f"{self.root.parent}/"
        return [str(place) for place in places if place.exists()] + [
            place for place in mounts if place.startswith(below)
        ]

    def close(self) -> None:
        """Delete the containers that are left; fails if anything of any container of the test is left then."""
        left = []
        for id in self.ids:
            if self.leftovers(id):
                self("delete", "--force", id)
                left += self.leftovers(id)
        assert left == [], f"left behind: {left}"


def wait_stopped(firkin: Firkin, id: str, timeout: float = SECONDS) -> None:
    """Wait on the process of a container until it has ended."""
    import select

    pid = firkin.state(id)["pid"]
    if not pid:
        return
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        poller = select.poll()
        poller.register(pidfd, select.POLLIN)
        assert poller.poll(timeout * 1000), f"container {id} did not stop"
    finally:
        os.close(pidfd)
