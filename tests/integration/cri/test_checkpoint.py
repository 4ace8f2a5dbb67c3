"""CheckpointContainer: the archive, and the container, which runs on."""

from __future__ import annotations

import json
import os
import stat
import tarfile
from pathlib import Path
from typing import Any

import grpc
import pytest

from firkin.cgroupfs.hierarchy import find_hierarchy
from tests.support.cri_server import IMAGE, CriServer
from tests.support.fault_scenarios import numbers_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge", "overlay", "criu")

_SCRIPT = """
echo new > /etc/new; ln -s new /etc/link; rm /etc/group; rm -r /mnt; mkdir /mnt; echo over > /mnt/file
i=0; while sleep 0.05; do i=$((i+1)); echo $i; done
"""


def _json(archive: tarfile.TarFile, name: str) -> Any:
    file = archive.extractfile(name)
    assert file is not None
    return json.loads(file.read())


def _refused(cri: CriServer, code: grpc.StatusCode, **request: Any) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        cri("CheckpointContainer", **request)
    assert caught.value.code() == code, caught.value.details()
    return str(caught.value.details())


def test_a_container_runs_on_and_is_in_an_archive(shared: CriServer, tmp_path: Path) -> None:
    id = shared.run(shared.pod(), _SCRIPT)
    log, location = Path(shared.status(id).log_path), tmp_path / "checkpoint.tar"
    eventually(lambda: log.exists() and numbers_of(log))
    location.write_text("an older one")
    shared("CheckpointContainer", container_id=id, location=str(location))
    at = len(numbers_of(log))
    eventually(lambda: len(numbers_of(log)) > at)
    assert shared.status(id).state == 1 and os.listdir(tmp_path) == ["checkpoint.tar"]
    assert not (shared.state / "containers" / id / "checkpoint").exists()
    assert stat.S_IMODE(location.stat().st_mode) == 0o600

    with tarfile.open(location) as archive:
        names = set(archive.getnames())
        assert {"checkpoint/inventory.img", "checkpoint/firkin.json", "dump.log", "stats-dump"} <= names
        config, status = _json(archive, "config.dump"), _json(archive, "status.dump")
        assert config["id"] == status["id"] == id and config["rootfsImageName"] == status["image"]["image"] == IMAGE
        assert status["state"] == 1 and _json(archive, "spec.dump")["process"]["args"][:2] == ["sh", "-c"]
        assert _json(archive, "deleted.files") == ["/etc/group"]
        copied = archive.extractfile("container.log")
        assert copied is not None and log.read_bytes().startswith(copied.read())
        with tarfile.open(fileobj=archive.extractfile("rootfs-diff.tar")) as changes:
            assert changes.extractfile("etc/new").read() == b"new\n"  # type: ignore[union-attr]
            assert changes.getmember("etc/link").linkname == "new"
            assert {"etc/.wh.group", "mnt/.wh..wh..opq", "mnt/file"} <= set(changes.getnames())


def test_what_can_not_be_written_is_said_and_leaves_nothing(shared: CriServer, tmp_path: Path) -> None:
    pod, location = shared.pod(), str(tmp_path / "x.tar")
    id = shared.create(pod, "exit 0", "short")
    _refused(shared, grpc.StatusCode.NOT_FOUND, container_id="nobody", location=location)
    assert "does not run" in _refused(shared, grpc.StatusCode.FAILED_PRECONDITION, container_id=id, location=location)
    for place in ("x.tar", str(tmp_path), str(tmp_path / "none/x.tar")):
        _refused(shared, grpc.StatusCode.INVALID_ARGUMENT, container_id=id, location=place)
    # A file that has no name any more, of some size, which CRIU refuses to copy.
    script = "dd if=/dev/zero of=/tmp/f bs=1M count=3; exec 3</tmp/f; rm /tmp/f; echo ready; sleep 1000"
    id = shared.run(pod, script, "ghost")
    log = Path(shared.status(id).log_path)
    eventually(lambda: log.exists() and "ready" in log.read_text())
    said = _refused(shared, grpc.StatusCode.INTERNAL, container_id=id, location=location)
    assert "CRIU" in said and os.listdir(tmp_path) == []
    assert shared.status(id).state == 1 and not (shared.state / "containers" / id / "checkpoint").exists()
    record = json.loads((shared.state / "runtime" / id / "state.json").read_text())
    events = Path(find_hierarchy().mount, record["cgroup"], "cgroup.events").read_text()
    assert "frozen 0" in events.splitlines()
