"""From an image's configuration to that of a container: who it runs as, and what."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from firkin.errors import ImageError
from firkin.oci.bundle.configuration import Wishes, runtime_config
from firkin.oci.bundle.inside import is_inside, read_inside
from firkin.oci.bundle.users import Identity, resolve_user
from firkin.oci.image.config import ImageConfig, ProcessConfig, RootFs
from firkin.oci.record import decode
from firkin.oci.runtime_spec.config import Config
from firkin.oci.validate import validate

ROOT = Identity(0, 0)
PASSWD = "root:x:0:0::/root:/bin/sh\nbroken\nodd:x:-1:x::/:\ncooper:x:1000:1001::/home/c:/bin/sh\n1234:x:7:8::/n:\n"
GROUP = "root:x:0:\ncoopers:x:1001:cooper\nguild:x:50:root,cooper\nbroken:x\nodd:x:y:cooper\n"


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("", Identity(0, 0, (50,), "/root")),
        ("root", Identity(0, 0, (50,), "/root")),
        ("cooper", Identity(1000, 1001, (50,), "/home/c")),
        ("1000", Identity(1000, 1001, (50,), "/home/c")),
        ("cooper:guild", Identity(1000, 50, (), "/home/c")),
        ("cooper:77", Identity(1000, 77, (), "/home/c")),
        ("2000", Identity(2000, 0)),
        ("2000:3000", Identity(2000, 3000)),
        ("4294967294:0", Identity(4294967294, 0)),
        ("1234", Identity(1234, 0)),
    ],
)
def test_users(text: str, identity: Identity) -> None:
    assert resolve_user(text, PASSWD, GROUP) == identity


@pytest.mark.parametrize(
    "text", ["nobody", "cooper:", ":guild", "cooper:none", "4294967295", "0:4294967295", "-1", "odd", "1e3"]
)
def test_users_that_are_none(text: str) -> None:
    with pytest.raises(ImageError) as caught:
        resolve_user(text, PASSWD, GROUP)
    assert "\n" not in str(caught.value)


def test_a_number_needs_no_file() -> None:
    assert resolve_user("5:6", "", "") == Identity(5, 6)
    assert resolve_user("", "", "") == Identity(0, 0)


def image(**run: Any) -> ImageConfig:
    return ImageConfig(architecture="amd64", os="linux", config=ProcessConfig(**run), rootfs=RootFs(type="layers"))


def process_of(config: ImageConfig, identity: Identity = ROOT, **wishes: Any) -> dict[str, Any]:
    found = runtime_config(config, identity, Wishes(**wishes), "x")
    # It is a configuration that the runtime takes.
    validate(decode(Config, found))
    process = found["process"]
    assert isinstance(process, dict)
    return process


@pytest.mark.parametrize(
    ("entrypoint", "cmd", "given", "args"),
    [
        ((), ("sh",), (), ["sh"]),
        (("init",), ("a", "b"), (), ["init", "a", "b"]),
        (("init",), ("a", "b"), ("c",), ["init", "c"]),
        (("init",), (), (), ["init"]),
        ((), ("sh",), ("ls", "-l"), ["ls", "-l"]),
    ],
)
def test_what_runs(entrypoint: Any, cmd: Any, given: Any, args: list[str]) -> None:
    assert process_of(image(entrypoint=entrypoint, cmd=cmd), args=given)["args"] == args


def test_an_image_without_a_command() -> None:
    with pytest.raises(ImageError, match="has no command"):
        process_of(image())


def test_environment_directory_and_rights() -> None:
    config = image(cmd=("sh",), env=("A=1", "B=2", "EMPTY"), working_dir="/srv")
    process = process_of(config, Identity(5, 6, (7,), "/home/x"), env=("B=3", "C=4"))
    assert process["env"][1:] == ["HOME=/home/x", "A=1", "B=3", "EMPTY=", "C=4"]
    assert process["env"][0].startswith("PATH=/usr/local/sbin:")
    assert (process["cwd"], process["user"]) == ("/srv", {"uid": 5, "gid": 6, "additionalGids": [7]})
    assert process["capabilities"].keys() == {"bounding"}
    root = process_of(image(cmd=("sh",)))
    assert root["capabilities"].keys() == {"bounding", "permitted", "effective"} and root["cwd"] == "/"


def test_annotations() -> None:
    config = image(cmd=("sh",), labels={"a": "b"}, stop_signal="SIGINT", exposed_ports={"80/tcp": {}, "443/tcp": {}})
    found = runtime_config(config, Identity(0, 0), Wishes(), "x")["annotations"]
    assert found == {
        "org.opencontainers.image.os": "linux",
        "org.opencontainers.image.architecture": "amd64",
        "org.opencontainers.image.stopSignal": "SIGINT",
        "org.opencontainers.image.exposedPorts": "443/tcp,80/tcp",
        "a": "b",
    }


def test_files_are_read_inside_only(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("outside")
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/plain").write_text("inside")
    (root / "etc/absolute").symlink_to("/etc/plain")
    (root / "etc/up").symlink_to("../../secret")
    (root / "etc/magic").symlink_to("/proc/self/environ")
    os.mkfifo(root / "etc/fifo")
    (root / "etc/latin").write_bytes(b"\xff")
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name, text in (("plain", "inside"), ("absolute", "inside"), ("up", ""), ("magic", ""), ("none", "")):
            assert read_inside(fd, f"etc/{name}", 100) == text
            assert is_inside(fd, f"etc/{name}") is bool(text)
        assert is_inside(fd, "etc") and is_inside(fd, "/etc/fifo") and not is_inside(fd, "etc/plain/below")
        for name, most, message in (
            ("fifo", 100, "is no regular file"),
            ("", 100, "is no regular file"),
            ("plain", 3, "has 6 bytes, more than 3"),
            ("latin", 100, "is no UTF-8 text at byte 0"),
        ):
            with pytest.raises(ImageError, match=message):
                read_inside(fd, f"etc/{name}", most)
    finally:
        os.close(fd)
