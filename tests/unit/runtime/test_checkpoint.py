"""Checkpoints without CRIU: its messages, what is outside of a container, what a checkpoint's directory says."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from firkin.errors import ConfigError, FirkinError, UnsupportedError
from firkin.oci.default_config import default_config
from firkin.oci.runtime_spec import Config
from firkin.oci.runtime_spec.config import load_config
from firkin.runtime.checkpoint.messages import (
    DUMP,
    NOTIFY,
    RESTORE,
    Fields,
    Notification,
    Opts,
    Response,
    Value,
    acknowledgement,
    request,
)
from firkin.runtime.checkpoint.mountinfo import Mounted, read_mounts
from firkin.runtime.checkpoint.mounts import Outside, find_outside, missing_targets, replacement, unseen
from firkin.runtime.checkpoint.namespaces import check_joined, check_owned
from firkin.runtime.checkpoint.note import Note, read_note
from firkin.runtime.checkpoint.privileges import check_restored, read_privileges
from firkin.runtime.checkpoint.service import Service, why
from firkin.runtime.checkpoint.streams import Stream, inherited, look_at

_FIELD = descriptor_pb2.FieldDescriptorProto


def _messages() -> dict[str, Any]:
    # The parts of images/rpc.proto that occur here, for the implementation of protocol buffers that is not ours.
    file = descriptor_pb2.FileDescriptorProto(name="rpc.proto", package="criu", syntax="proto2")

    def add(name: str, *fields: tuple[str, int, int, str]) -> None:
        message = file.message_type.add(name=name)
        for field, number, kind, type_name in fields:
            repeated = field in ("external", "inherit_fd")
            label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
            message.field.add(name=field, number=number, type=kind, label=label, type_name=type_name or None)

    number, flag, text, nested = _FIELD.TYPE_INT32, _FIELD.TYPE_BOOL, _FIELD.TYPE_STRING, _FIELD.TYPE_MESSAGE
    add("inherit_fd", ("key", 1, text, ""), ("fd", 2, number, ""))
    add(
        "opts",
        ("images_dir_fd", 1, number, ""),
        ("leave_running", 3, flag, ""),
        ("root", 13, text, ""),
        ("inherit_fd", 27, nested, ".criu.inherit_fd"),
        ("external", 37, text, ""),
    )
    add("req", ("type", 1, number, ""), ("opts", 2, nested, ".criu.opts"), ("notify_success", 3, flag, ""))
    add("notify", ("script", 1, text, ""), ("pid", 2, number, ""))
    add("restore_resp", ("pid", 1, number, ""))
    add(
        "resp",
        ("type", 1, number, ""),
        ("success", 2, flag, ""),
        ("restore", 4, nested, ".criu.restore_resp"),
        ("notify", 5, nested, ".criu.notify"),
        ("cr_errno", 7, number, ""),
        ("cr_errmsg", 9, text, ""),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = [message.name for message in file.message_type]
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"criu.{name}")) for name in names}


CRIU = _messages()


@given(fd=st.integers(0, 1 << 30), root=st.text(), outside=st.lists(st.text()), running=st.booleans())
def test_a_request_is_read_as_it_was_meant(fd: int, root: str, outside: list[str], running: bool) -> None:
    inherit: list[Fields] = [{1: "pipe:[7]", 2: fd}]
    options: dict[int, Value] = {
        Opts.images_dir_fd: fd,
        Opts.leave_running: running,
        Opts.root: root,
        Opts.external: outside,
        Opts.inherit_fd: inherit,
    }
    read = CRIU["req"].FromString(request(DUMP, options))
    assert (read.type, read.opts.images_dir_fd, read.opts.leave_running) == (1, fd, running)
    assert read.opts.root == root and list(read.opts.external) == outside
    assert [(one.key, one.fd) for one in read.opts.inherit_fd] == [("pipe:[7]", fd)]
    assert CRIU["req"].FromString(acknowledgement(success=True)).notify_success


@given(number=st.integers(-(1 << 31), (1 << 31) - 1), text=st.text())
def test_an_answer_is_read_as_it_was_meant(number: int, text: str) -> None:
    said = CRIU["resp"](type=RESTORE, success=False, cr_errno=number, cr_errmsg=text)
    response = Response(said.SerializeToString())
    assert (response.kind, response.success, response.errno, response.reason) == (RESTORE, False, number, text)
    said = CRIU["resp"](type=NOTIFY, success=True, notify={"script": text, "pid": number})
    told = Response(said.SerializeToString()).notification
    assert (told.stage, told.pid) == (text, number)
    assert Response(CRIU["resp"](restore={"pid": number}).SerializeToString()).pid == number


@given(st.binary())
def test_whatever_comes_is_an_answer_or_refused(data: bytes) -> None:
    try:
        Response(data)
    except FirkinError:
        return


def test_a_failing_listener_is_told_to_criu_and_to_the_caller() -> None:
    heard: list[bytes] = []
    with Service() as service:
        theirs = service.theirs.dup()

        def answer() -> None:
            heard.append(theirs.recv(1 << 16))
            theirs.send(CRIU["resp"](type=NOTIFY, success=True, notify={"script": "post-restore"}).SerializeToString())
            heard.append(theirs.recv(1 << 16))
            theirs.send(CRIU["resp"](type=RESTORE, success=False).SerializeToString())
            theirs.close()

        thread = threading.Thread(target=answer)
        thread.start()

        def refuse(notification: Notification, descriptor: int) -> None:
            raise FirkinError(f"{notification.stage} {descriptor}")

        with pytest.raises(FirkinError, match=r"^post-restore -1$"):
            service.call(RESTORE, {Opts.root: "/"}, refuse)
        thread.join()
    assert heard[1] == acknowledgement(success=False)


def test_a_criu_that_dies_is_an_error() -> None:
    with Service() as service, pytest.raises(FirkinError, match="ended without an answer"):
        service.call(DUMP, {}, lambda _notification, _descriptor: None)


def test_an_error_is_the_first_of_the_log_that_is_no_probe(tmp_path: Path) -> None:
    log = tmp_path / "dump.log"
    log.write_text(
        "(00.1) Error (criu/tun.c:85): tun: Unable to create tun\n(00.2) Dumping\n"
        "(00.3)      1: Error (criu/files-reg.c:5): Can't lookup mount=24\n"
        "(00.4) Error (criu/cr-dump.c:1): Dumping FAILED.\n"
    )
    failed = Response(CRIU["resp"](type=DUMP, success=False, cr_errno=2).SerializeToString())
    error = why("checkpoint x", failed, str(log))
    assert str(error) == f"checkpoint x: CRIU: Can't lookup mount=24 (all that it did is in {log})"
    assert str(why("x", failed, "/nowhere")).startswith("x: CRIU: No such file or directory")


def _config(**changes: object) -> Config:
    return load_config(json.dumps({**default_config(cgroup_namespace=True), **changes}).encode())


def _bind(source: str, destination: str) -> dict[str, object]:
    return {"type": "bind", "source": source, "destination": destination, "options": ["rbind"]}


def test_mounts_of_this_process_are_read() -> None:
    mounts = read_mounts(os.getpid())
    assert any(one.point == "/" for one in mounts.values()) and any(one.type == "proc" for one in mounts.values())
    line = r"36 35 98:0 /mnt\0401 /a\134b rw,noatime master:1 shared:2 - ext3 /dev/root rw"
    found = Mounted(line)
    assert (found.id, found.parent, found.root, found.point, found.type) == (36, 35, "/mnt 1", r"/a\b", "ext3")


def test_what_is_mounted_below_a_bind_mount_comes_from_outside_too(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (
        "1 0 0:1 / / rw - overlay o rw", "2 1 0:2 / /proc rw - proc proc rw", "3 1 0:3 /x /run/data rw - ext4 d rw",
        "4 3 0:4 / /run/data/below rw - tmpfs t rw", "5 3 0:5 / /run/data/own rw - tmpfs t rw",
        "6 2 0:6 /null /proc/kcore rw - devtmpfs d rw", "7 2 0:7 / /proc/acpi ro - tmpfs m rw",
    )  # fmt: skip
    mounts = {one.id: one for one in map(Mounted, lines)}
    leads = {"/proc": 2, "/var/data": 3, "/var/data/own": 5, "/proc/kcore": 6, "/proc/acpi": 7}
    monkeypatch.setattr("firkin.runtime.checkpoint.mounts.mount_of", lambda _root, path: leads.get(path, -1))
    config = _config(
        mounts=[
            {"type": "proc", "source": "proc", "destination": "/proc"},
            _bind("/d", "/var/data"),
            {"type": "tmpfs", "source": "tmpfs", "destination": "/var/data/own"},
        ]
    )
    found = [tuple(vars(one).values()) for one in find_outside(config, mounts, -1)]
    assert found == [
        ("/run/data", "/var/data", ""),
        ("/run/data/below", "/var/data", "/below"),
        ("/proc/kcore", "", ""),
    ]


def test_the_configuration_says_what_takes_the_place_of_a_mount(tmp_path: Path) -> None:
    (tmp_path / "data/below").mkdir(parents=True)
    config = _config(mounts=[_bind("data", "/data/"), {"type": "cgroup", "source": "c", "destination": "/cg"}])
    place = str(tmp_path)
    assert replacement(Outside("/d", "/data", "/below"), config, place, "/g") == f"{tmp_path}/data/below"
    assert replacement(Outside("/cg", "/cg"), config, place, "/g") == "/g"
    assert replacement(Outside("/proc/kcore", ""), config, place, "/g") == "/dev/null"
    with pytest.raises(ConfigError, match=r"mounts: has no bind mount on /etc"):
        replacement(Outside("/etc", "/etc"), config, place, "/g")
    with pytest.raises(ConfigError, match=r"mounts\[0\].source: .*/data/other does not exist"):
        replacement(Outside("/d", "/data", "/other"), config, place, "/g")


def test_places_of_mounts_that_the_root_lacks_are_found(tmp_path: Path) -> None:
    (tmp_path / "root/dev").mkdir(parents=True)
    (tmp_path / "file").touch()
    tmpfs = {"type": "tmpfs", "source": "tmpfs"}
    mounts = [
        {**tmpfs, "destination": "/dev"}, {**tmpfs, "destination": "/dev/shm"}, {**tmpfs, "destination": "/new"},
        _bind("file", "/etc/file"),
    ]  # fmt: skip
    found = missing_targets(_config(mounts=mounts), str(tmp_path / "root"), str(tmp_path))
    assert found == [("mounts[2].destination", "/new", False), ("mounts[3].destination", "/etc/file", True)]


def test_streams_from_outside_are_told_apart() -> None:
    with subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        streams = look_at(process.pid, ())
        inside = look_at(process.pid, read_mounts(process.pid))
        process.kill()
    assert streams[0].is_null and streams[0].key.startswith("file[") and not streams[0].is_pipe
    assert streams[1].is_pipe and streams[1].key.startswith("pipe:[")
    assert (inside[0].key, inside[1].key) == ("", streams[1].key)


def test_a_stream_is_taken_once_and_the_null_device_stays_one() -> None:
    keys = inherited([Stream("file[1:2]", is_null=True), Stream("pipe:[3]"), Stream("pipe:[3]")])
    try:
        assert [key for key, _ in keys] == ["file[1:2]", "pipe:[3]"] and all(fd > 2 for _, fd in keys)
        assert os.fstat(keys[0][1]).st_rdev == os.makedev(1, 3)
    finally:
        for _, fd in keys:
            os.close(fd)


def test_a_note_is_read_as_it_was_written(tmp_path: Path) -> None:
    streams = [Stream("file[1:2]", is_null=True), Stream("pipe:[3]"), Stream("")]
    Note(streams, [Outside("/run/d", "/d", "/b")], {"NoNewPrivs": "1"}).write(str(tmp_path))
    note = read_note(str(tmp_path), _config())
    assert [(one.key, one.is_null) for one in note.streams] == [("file[1:2]", True), ("pipe:[3]", False), ("", False)]
    assert [vars(one) for one in note.mounts] == [{"point": "/run/d", "destination": "/d", "below": "/b"}]
    assert note.privileges == {"NoNewPrivs": "1"}
    assert json.loads((tmp_path / "descriptors.json").read_text()) == ["/dev/null", "pipe:[3]", "/dev/null"]


def test_a_checkpoint_of_another_runtime_has_the_mounts_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "descriptors.json").write_text('["/dev/null", "pipe:[3]", "pipe:[4]"]')
    config = _config(mounts=[_bind("/d", "/data/")])
    note = read_note(str(tmp_path), config)
    assert [one.key for one in note.streams] == ["", "pipe:[3]", "pipe:[4]"]
    assert [one.point for one in note.mounts] == [one.point for one in unseen(config)]
    assert note.mounts[0].point == "/data" and note.mounts[-1].point == "/dev/null"


@pytest.mark.parametrize("text", ["[]", "{", '"x"'])
def test_a_note_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "firkin.json").write_text(text)
    with pytest.raises(FirkinError, match=r"firkin\.json"):
        read_note(str(tmp_path), _config())


def test_privileges_that_differ_are_an_error_and_lost_ones_a_warning() -> None:
    noted = read_privileges(os.getpid())
    assert noted.keys() == {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"}
    assert check_restored(noted, os.getpid()) == "" and check_restored({}, os.getpid()) == ""
    assert "ambient" in check_restored({**noted, "CapAmb": "00000000000000ff"}, os.getpid())
    with pytest.raises(FirkinError, match=r"its CapBnd is \w+, and was x"):
        check_restored({**noted, "CapBnd": "x"}, os.getpid())


def test_namespaces_that_can_not_be_restored_are_refused_with_their_place() -> None:
    linux: Any = default_config(cgroup_namespace=True)["linux"]
    mappings = {f"{kind}Mappings": [{"containerID": 0, "hostID": 1, "size": 1}] for kind in ("uid", "gid")}
    with pytest.raises(UnsupportedError, match=r"linux\.namespaces\[0\]: is a user namespace"):
        check_owned(_config(linux={**linux, **mappings, "namespaces": [{"type": "user"}]}))
    joined = [{"type": "network", "path": "/n"}, {"type": "ipc", "path": "/i"}]
    with pytest.raises(UnsupportedError, match=r"linux\.namespaces\[1\]\.path: .* ipc"):
        check_joined(_config(linux={**linux, "namespaces": joined}))
