"""The same as a library: an image's tree, a configuration of the caller's own, and the plan that runs it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from firkin.oci.default_config import default_config
from firkin.oci.image.reference import parse_reference
from firkin.oci.runtime_spec.config import load_config
from firkin.oci.snapshots.holding import Holding
from firkin.oci.snapshots.store import Snapshots
from firkin.oci.snapshots.trees import Ids
from firkin.oci.store.images import ImageStore
from firkin.runtime.compile.container import compile_container
from firkin.runtime.compile.request import Request
from firkin.runtime.create import run_or_raise
from firkin.runtime.host import read_host
from firkin.runtime.spawn import wait
from tests.support.archives import Archive
from tests.support.bundle import Firkin
from tests.support.local_image import add_image
from tests.support.overlays import overlay_place
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2", "busybox", "overlay")


@pytest.fixture
def snapshots(tmp_path: Path) -> Iterator[Snapshots]:
    archive = Archive().directory("bin").add("bin/busybox", Path("/bin/busybox").read_bytes(), mode=0o755)
    archive.link("bin/sh", "busybox").directory("proc").directory("dev").directory("sys").add("file", b"image", uid=5)
    with overlay_place(tmp_path / "images") as place, ImageStore(str(place)) as store:
        add_image(store, "test.example/app:1", [archive.finish(), Archive().add("second", b"1").finish()])
        yield Snapshots(store)


class Caller:
    """Somebody who runs containers of the image without the command line."""

    def __init__(self, firkin: Firkin, snapshots: Snapshots) -> None:
        self.firkin = firkin
        self.snapshots = snapshots

    @contextmanager
    def container(
        self, change: Callable[[dict[str, Any], str], None], ids: Ids | None = None, *, run: bool = True
    ) -> Iterator[tuple[str, int]]:
        """A container that runs a shell, its configuration changed by `change`: its id and a pidfd."""
        id = self.firkin.new_id()
        store = self.snapshots.store
        image = store.find(parse_reference("test.example/app:1"))
        with Holding(self.snapshots, f"{self.firkin.root}/{id}/state.json", id) as holding:
            root = holding.make_root(holding.take(image), ids)
            config: dict[str, Any] = default_config(cgroup_namespace=True)
            config["root"] = {"path": root.path}
            config["process"] |= {"terminal": False, "args": ["/bin/sh"], "rlimits": []}
            change(config, root.path)
            text = json.dumps(config).encode()
            request = Request(
                id=id, bundle=holding.path, state_root=str(self.firkin.root), config=text, created="now", run=run,
                trees={root.path: root.overlay} if root.overlay else {}, holding=holding.path,
            )  # fmt: skip
            plan, _ = compile_container(load_config(text), request, read_host(str(self.firkin.root)))
            pidfd = run_or_raise(plan).pidfd
        try:
            yield id, pidfd
        finally:
            os.close(pidfd)
            self.firkin("delete", "--force", id)
            assert os.listdir(self.snapshots.holdings) == []


@pytest.fixture
def caller(firkin: Firkin, snapshots: Snapshots) -> Caller:
    return Caller(firkin, snapshots)


def shell(config: dict[str, Any], script: str) -> None:
    config["process"]["args"] = ["/bin/sh", "-c", script]


def test_hooks_see_the_image_at_the_path_of_the_root(caller: Caller, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()
    scripts = {
        # In the runtime's namespaces: the container's mount namespace is reached by its process.
        "createRuntime": "cat {root}/file; cat /proc/$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/')/root{root}/file",
        "createContainer": "cat {root}/file; echo hook > {root}/from-hook",
        "poststop": "ls -d {root}; cat {root}/../upper/from-hook",
    }

    def change(config: dict[str, Any], root: str) -> None:
        shell(config, "/bin/busybox cat /from-hook")
        for name, script in scripts.items():
            command = f"{{ {script.format(root=root)}; }} > {log}/{name} 2>&1 || true"
            hook = {"path": "/bin/sh", "args": ["sh", "-c", command], "env": ["PATH=/usr/bin:/bin"]}
            config.setdefault("hooks", {})[name] = [hook]

    with caller.container(change) as (_, pidfd):
        assert wait(pidfd, int(SECONDS * 1000)) == 0
    assert (log / "createRuntime").read_text().endswith("No such file or directory\nimage")
    assert (log / "createContainer").read_text() == "image"
    assert (log / "poststop").read_text().endswith("/rootfs\nhook\n")


def test_a_container_waits_with_its_tree(caller: Caller) -> None:
    with caller.container(lambda config, _: shell(config, "[ -e /file ] && exit 9"), run=False) as (id, pidfd):
        assert caller.firkin.state(id)["status"] == "created"
        caller.firkin("start", id)
        # It is no child of this process any more than of the command's: its end is all that can be told.
        assert wait(pidfd, int(SECONDS * 1000)) == 9


@pytest.mark.guest
def test_ids_are_those_of_a_namespace_that_is_joined(caller: Caller) -> None:
    users = subprocess.Popen(["unshare", "--user", "sh", "-c", "echo ready; exec cat"], stdin=-1, stdout=-1, text=True)
    assert users.stdin and users.stdout and users.stdout.readline() == "ready\n"
    try:
        for kind in ("uid_map", "gid_map"):
            Path(f"/proc/{users.pid}/{kind}").write_text("0 300000 1000\n")

        def change(config: dict[str, Any], _: str) -> None:
            config["linux"]["namespaces"].append({"type": "user", "path": f"/proc/{users.pid}/ns/user"})
            shell(config, "[ $(/bin/busybox stat -c %u /file) = 5 ] && echo x > /made")

        with caller.container(change, Ids([(0, 300_000, 1000)], [(0, 300_000, 1000)])) as (_, pidfd):
            assert wait(pidfd, int(SECONDS * 1000)) == 0
            (made,) = Path(caller.snapshots.holdings).glob("*/*/made")
            assert made.stat().st_uid == 300_000
    finally:
        users.stdin.close()
        users.wait()
        users.stdout.close()
