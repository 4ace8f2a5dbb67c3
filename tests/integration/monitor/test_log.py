"""The log of a container: every line, whatever dies, fills up or is moved away meanwhile."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.errors import StateError
from firkin.runtime.monitor.client import STDIN, STDOUT
from tests.support.bundle import Bundle, Firkin
from tests.support.monitors import Monitors, read_until

pytestmark = pytest.mark.requires("root", "cgroup2")

_RECORD = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) [FP] ")


def test_every_record_has_the_form_of_cri(monitors: Monitors, bundle: Bundle) -> None:
    script = "echo one; echo; printf 'windows\\r\\n'; echo err >&2; printf 'no end'"
    watched, _ = monitors.run(bundle.shell(script))
    text = watched.log.read_text()
    assert all(_RECORD.match(line) for line in text.splitlines())
    assert [line for line in watched.lines() if "stdout" in line] == [
        "stdout F one",
        "stdout F ",
        "stdout F windows",
        "stdout P no end",
    ]
    assert watched.log.stat().st_mode & 0o7777 == 0o640


def test_long_lines_are_split(monitors: Monitors, bundle: Bundle) -> None:
    script = "head -c 16384 /dev/zero | tr '\\0' a; echo; head -c 40000 /dev/zero | tr '\\0' b; echo"
    watched, _ = monitors.run(bundle.shell(script))
    shapes = [(line.split(" ", 2)[1], len(line.split(" ", 2)[2])) for line in watched.lines()]
    assert shapes == [("F", 16384), ("P", 16384), ("P", 16384), ("F", 40000 - 2 * 16384)]


def test_lines_of_all_writers_are_complete(monitors: Monitors, bundle: Bundle) -> None:
    writer = "for i in $(seq 1 2000); do echo $0 $i; done"
    script = f"for n in 1 2 3 4; do sh -c '{writer}' $n & sh -c '{writer} >&2' err$n & done; wait"
    watched, _ = monitors.run(bundle.shell(script))
    for n in ("1", "2", "3", "4", "err1", "err2", "err3", "err4"):
        stream = "stderr" if n.startswith("err") else "stdout"
        mine = [line for line in watched.lines() if line.startswith(f"{stream} F {n} ")]
        assert mine == [f"{stream} F {n} {i}" for i in range(1, 2001)]


def test_no_line_is_lost_when_the_launcher_is_killed(
    monitors: Monitors, bundle: Bundle, firkin: Firkin, tmp_path: Path
) -> None:
    script = "seq 1 50000; read line < /tmp/go; seq 50001 100000"
    os.mkfifo(bundle.rootfs / "tmp/go")
    watched = monitors.prepare()
    plan = tmp_path / "plan"
    plan.write_bytes(monitors.plan(bundle.shell(script), watched.id))
    argv = [sys.executable, str(Path(__file__).with_name("launcher.py"))]
    argv += [str(plan), str(watched.log.parent), str(watched.log)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as launcher:
        assert launcher.stdout is not None
        assert launcher.stdout.readline() == b"started\n"
        launcher.kill()
    with watched.client() as client:
        (bundle.rootfs / "tmp/go").write_text("go\n")
        _, end = read_until(client)
    assert end is not None and (end.code, end.lost_records) == (0, 0)
    assert watched.lines() == [f"stdout F {n}" for n in range(1, 100001)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def test_full_disk_stops_neither_the_container_nor_the_log_after_it(
    monitors: Monitors, bundle: Bundle, small_disk: Path
) -> None:
    bundle.shell("seq 1 100000; echo full; read line; echo next; read line")
    filler, log = small_disk / "filler", small_disk / "log"
    filler.write_bytes(bytes(64 << 10))
    watched = monitors.start(bundle, stdin=True, log=str(log))
    with watched.attach(STDIN | STDOUT) as client, watched.client() as other:
        read_until(client, b"full\n")
        status = other.status()
        assert status.lost_records > 0 and os.strerror(status.log_error) == "No space left on device"
        filler.unlink()
        client.send_stdin(b"go\n")
        read_until(client, b"next\n")
        told = other.status()
        client.send_stdin(b"end\n")
    end = watched.end()
    lines = [line.split(" ", 1)[1] for line in log.read_text().splitlines()]
    kept = [line for line in lines if re.fullmatch(r"stdout F \d+", line)]
    assert kept == [f"stdout F {n}" for n in range(1, len(kept) + 1)]
    # The numbers from there on, and the word "full".
    lost_bytes = sum(len(str(n)) for n in range(len(kept) + 1, 100001)) + len("full")
    assert (end.lost_records, end.lost_bytes) == (100001 - len(kept), lost_bytes)
    assert (told.lost_records, told.log_error) == (end.lost_records, 0)
    notice = f"firkin: lost here: {end.lost_records} records, {end.lost_bytes} bytes: no space left on device"
    assert lines[len(kept) :] == [f"stderr F {notice}", "stdout F next"]


def test_log_that_was_moved_is_opened_again(monitors: Monitors, bundle: Bundle) -> None:
    watched = monitors.start(bundle.shell("while read line; do echo $line; done"), stdin=True)
    old = watched.log.with_name("log.old")
    with watched.attach(STDIN | STDOUT) as client, watched.client() as other:
        client.send_stdin(b"one\n")
        read_until(client, b"one\n")
        watched.log.rename(old)
        client.send_stdin(b"two\n")
        read_until(client, b"two\n")
        assert not watched.log.exists()
        other.reopen_log()
        client.send_stdin(b"three\n")
        client.close_stdin()
        read_until(client)
    assert watched.end().code == 0
    assert [line.split(" ", 1)[1] for line in old.read_text().splitlines()] == ["stdout F one", "stdout F two"]
    assert watched.lines() == ["stdout F three"]


def test_log_of_a_container_that_has_ended_is_not_made_anew(monitors: Monitors, bundle: Bundle) -> None:
    watched = monitors.start(bundle.shell("read line"), stdin=True)
    with watched.client() as client:
        with watched.attach(STDIN) as writer:
            writer.send_stdin(b"\n")
        watched.end()
        watched.log.unlink()
        with pytest.raises(StateError, match="container not running"):
            client.reopen_log()
    assert not watched.log.exists()


def test_container_without_a_log_loses_nothing_but_the_log(monitors: Monitors, bundle: Bundle) -> None:
    watched, end = monitors.run(bundle.shell("seq 1 10000"), log="")
    assert (end.code, end.lost_records) == (0, 0)
    assert not watched.log.exists()
