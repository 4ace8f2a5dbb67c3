"""`firkin run`: what is a container of a bundle, what an image, and what is wished of that."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from firkin.errors import UsageError
from firkin.oci.bundle.configuration import DEFAULT_CAPABILITIES
from firkin.runtime.cli.commands import Invocation, interpret, load
from firkin.runtime.images.mounts import Wanted, read_mounts
from firkin.runtime.images.options import names_image
from firkin.runtime.images.wishes import read_wishes


def invocation(line: str) -> Invocation:
    return interpret(load("run")[0], shlex.split(line), {})


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("debian:12", ["debian:12"]),
        ("debian:12 ls -l", ["debian:12", "ls", "-l"]),
        ("docker://debian -l", ["docker://debian", "-l"]),
        ("team/app", ["team/app"]),
        ("app@sha256:0 x", ["app@sha256:0", "x"]),
        ("debian ls -l", ["debian", "ls", "-l"]),
        ("-d --rm debian", ["debian"]),
        ("-it debian", ["debian"]),
        ("-e A=1 debian -x", ["debian", "-x"]),
        ("debian:12 -- ls", ["debian:12", "ls"]),
        ("--name web debian --name", ["debian", "--name"]),
        ("-d debian:12 -d", ["debian:12", "-d"]),
    ],
)
def test_what_is_an_image(line: str, arguments: list[str]) -> None:
    read = invocation(line)
    assert names_image(read.arguments, read.options)
    assert read.arguments == arguments


@pytest.mark.parametrize(
    ("line", "id"),
    [("web", "web"), ("-b /b web", "web"), ("web -b /b", "web"), ("web --detach", "web"), ("--bundle /b a:b", "a:b"),
     ("-d --pid-file p web", "web"), ("--config c.json web", "web"), ("--keep web", "web")],
)  # fmt: skip
def test_what_is_a_container_of_a_bundle(line: str, id: str) -> None:
    read = invocation(line)
    assert not names_image(read.arguments, read.options)
    assert read.arguments == [id]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-b /b web ls", "run: unexpected argument 'ls' (a bundle's config.json says what runs)"),
        ("web -x", "run: unknown option '-x'"),
        ("-b /b -e A=1 web", "run: option --env is for images, --bundle is for containers of a bundle"),
        ("web -b /b --memory 1g", "run: option --memory is for images, --bundle is for containers of a bundle"),
        ("", "run: argument CONTAINER|IMAGE is missing"),
    ],
)
def test_what_is_neither(line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        invocation(line)
    assert str(caught.value).startswith(message)


def wishes(line: str) -> Any:
    return read_wishes(invocation(f"{line} debian:12 ls -l"), "web")


def test_wishes() -> None:
    plain = wishes("")
    assert (plain.args, plain.entrypoint, plain.hostname, plain.users) == (["ls", "-l"], None, "web", None)
    assert (plain.capabilities, plain.resources) == (sorted(DEFAULT_CAPABILITIES), {})
    asked = wishes("-t --entrypoint '' -m 1.5g --cpus 0.5 --pids-limit 7 --userns 5000 --read-only -w /x --net host")
    assert (asked.terminal, asked.entrypoint, asked.users, asked.read_only) == (True, [], (5000, 65536), True)
    assert (asked.cwd, asked.host_network) == ("/x", True)
    assert asked.resources == {
        "memory": {"limit": 3 << 29},
        "cpu": {"quota": 50_000, "period": 100_000},
        "pids": {"limit": 7},
    }
    assert wishes("--cap-drop ALL --cap-add net_admin --cap-add CAP_CHOWN --cap-drop chown").capabilities == [
        "CAP_NET_ADMIN"
    ]
    assert "CAP_SYS_ADMIN" in wishes("--cap-add ALL").capabilities
    assert len(read_wishes(invocation("debian:12"), "x" * 100).hostname) == 64


@pytest.mark.parametrize(
    "line",
    ["-m x", "-m -1", "--cpus 0", "--cpus 1e3", "--cpus ,5", "--userns x", "--userns 1:0", "--userns 1:2:3", "-e =1",
     "-w x", "--cap-add X", "--cap-drop ''", "--hostname " + "x" * 65],
)  # fmt: skip
def test_wishes_that_are_none(line: str) -> None:
    with pytest.raises(UsageError) as caught:
        wishes(line)
    assert str(caught.value).startswith("run: option --")


def mounts(line: str) -> list[Wanted]:
    return read_mounts(invocation(f"{line} debian:12"))


def test_mounts() -> None:
    found = mounts(
        "-v /a:/x/y/z:ro -v /b:/x --mount type=tmpfs,dst=/x/y,size=1m,ro --mount src=/c,target=/w,readonly=false"
    )
    assert found == [
        Wanted("bind", "/b", "/x", False),
        Wanted("bind", "/c", "/w", False),
        Wanted("tmpfs", "", "/x/y", True, "", "1m"),
        Wanted("bind", "/a", "/x/y/z", True),
    ]
    (image,) = mounts("--mount type=image,source=a:1,target=/i,subpath=p/q")
    assert image == Wanted("image", "a:1", "/i", True, "p/q")


@pytest.mark.parametrize(
    "line",
    ["-v /a", "-v /a:", "-v /a:x", "-v name:/x", "-v :/x", "-v /a:/x:rx", "--mount type=volume,target=/x",
     "--mount type=bind,target=/x", "--mount source=/x", "--mount type=tmpfs,source=/x,target=/y", "--mount what=1",
     "--mount type=bind,source=/a,target=/b,subpath=c", "--mount ''"],
)  # fmt: skip
def test_mounts_that_are_none(line: str) -> None:
    with pytest.raises(UsageError) as caught:
        mounts(line)
    assert str(caught.value).startswith("run: option --")
