"""Containers from Python: firkin.run and firkin.Container."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import firkin
from firkin.cgroupfs.hierarchy import find_hierarchy
from firkin.errors import ConfigError, ExecutableError, FirkinError, StateError, UsageError
from firkin.oci.store.images import ImageStore
from tests.support.archives import Archive
from tests.support.bundle import Bundle, make_rootfs
from tests.support.local_image import add_image

pytestmark = pytest.mark.requires("root", "cgroup2")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The options of a container of busybox; nothing may be left of any."""
    before = set(os.listdir("/proc/self/fd"))
    cgroups = set(Path(find_hierarchy().mount).iterdir())
    yield {"rootfs": make_rootfs(tmp_path / "rootfs"), "state_root": str(tmp_path / "state")}
    state = tmp_path / "state"
    assert [path.name for path in state.glob("*") if path.name != ".cache"] == []
    assert {path for path in Path(find_hierarchy().mount).iterdir() if path.name.startswith("firkin-")} <= cgroups
    # One is the program that all containers begin with.
    assert len(set(os.listdir("/proc/self/fd")) - before) <= 1


def test_output_is_captured_and_the_code_passed_on(place: dict[str, Any]) -> None:
    done = firkin.run(["sh", "-c", "echo out; echo err >&2; exit 3"], capture_output=True, text=True, **place)
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        done.check_returncode()
    assert (caught.value.returncode, caught.value.stderr) == (3, "err\n")


def test_much_input_and_output_at_the_same_time(place: dict[str, Any]) -> None:
    text = "".join(f"line {number}\n" for number in range(100_000))
    done = firkin.run(["tee", "/dev/stderr"], input=text, capture_output=True, text=True, check=True, **place)
    assert done.stdout == text and done.stderr == text


def test_who_does_not_read_its_input_has_not_failed(place: dict[str, Any]) -> None:
    done = firkin.run(["true"], input=b"x" * 1_000_000, **place)
    assert (done.returncode, done.stdout, done.stderr) == (0, None, None)


def test_streams_may_be_files_nothing_or_each_other(place: dict[str, Any], tmp_path: Path) -> None:
    with open(tmp_path / "out", "wb") as out:
        firkin.run(
            ["sh", "-c", "cat; echo one; echo two >&2"], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            check=True, **place,
        )  # fmt: skip
    assert (tmp_path / "out").read_text() == "one\ntwo\n"


def test_everything_ends_at_the_time_out(place: dict[str, Any]) -> None:
    script = "echo begun; setsid sleep 1000 & trap '' TERM; while :; do sleep 1000; done"
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        firkin.run(["sh", "-c", script], capture_output=True, timeout=2, **place)
    assert caught.value.stdout == b"begun\n"


def test_a_signal_is_a_negative_code(place: dict[str, Any]) -> None:
    assert firkin.run(["sh", "-c", "kill -USR1 $$"], **place).returncode == 0  # the first process of a namespace
    assert firkin.run(["sh", "-c", "sh -c 'kill -9 $$'; exit $?"], **place).returncode == 137
    with firkin.Container(["sleep", "1000"], **place) as container:
        container.send_signal(signal.SIGKILL)
        assert container.wait(60) == -signal.SIGKILL


def test_options_shape_the_container(place: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/file").write_text("shared\n")
    done = firkin.run(
        ["sh", "-c", "id -u; pwd; hostname; echo $WORD; cat /mnt/file; touch /mnt/no || touch /a || touch /tmp/yes"],
        env={"WORD": "said"}, cwd="/tmp", user="user", hostname="box", read_only=True,
        mounts=[firkin.Mount("/mnt", str(tmp_path / "shared"), read_only=True), firkin.Mount("/tmp", type="tmpfs")],
        capture_output=True, text=True, **place,
    )  # fmt: skip
    assert done.stdout == "1000\n/tmp\nbox\nsaid\nshared\n"
    assert (done.returncode, done.stderr.count("Read-only file system")) == (0, 2)


@pytest.mark.requires("userns")
def test_a_user_namespace(place: dict[str, Any], tmp_path: Path) -> None:
    for directory in (tmp_path, *tmp_path.parents):
        if directory != Path("/"):
            directory.chmod(directory.stat().st_mode | 0o011)
    subprocess.run(["chown", "-Rh", "100000:100000", place["rootfs"]], check=True)
    done = firkin.run(["cat", "/proc/self/uid_map"], users=(100000, 1000), capture_output=True, text=True, **place)
    assert done.stdout.split() == ["0", "100000", "1000"]


def test_a_container_is_a_process_with_a_name(place: dict[str, Any]) -> None:
    name = f"lib-{os.getpid()}"
    with firkin.Container(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, name=name, **place) as container:
        assert container.id == name and container.poll() is None
        command = [str(Path(sys.executable).parent / "firkin"), "--root", place["state_root"], "state", name]
        state = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        assert (state["pid"], state["status"]) == (container.pid, "running")
        container.pause()
        container.resume()
        with pytest.raises(subprocess.TimeoutExpired):
            container.wait(0.01)
        assert container.communicate(b"words") == (b"words", b"")
        assert select.select([container], [], [], 60)[0] == [container]
        assert container.poll() == 0
        usage = container.stats().cpu
        assert usage is not None and usage.usage_usec is not None and usage.usage_usec > 0
    with pytest.raises(FirkinError, match="does not exist"):
        container.stats()


def test_kill_ends_all_processes(place: dict[str, Any]) -> None:
    script = "sleep 1000 & sleep 1000 & echo begun; wait"
    with firkin.Container(["sh", "-c", script], stdout=subprocess.PIPE, **place) as container:
        assert os.read(container.stdout, 100) == b"begun\n"
        container.kill()
        assert container.wait(60) == -signal.SIGKILL
        with pytest.raises(StateError, match="is not running"):
            container.send_signal(signal.SIGTERM)


def test_many_at_once_from_threads(place: dict[str, Any]) -> None:
    found: dict[int, int] = {}

    def work(number: int) -> None:
        found[number] = firkin.run(["sh", "-c", f"exit {number}"], **place).returncode

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert found == {number: number for number in range(16)}


def test_an_image_with_its_own_program(place: dict[str, Any], tmp_path: Path) -> None:
    layer = Archive().add("bin/busybox", Path("/bin/busybox").read_bytes(), mode=0o755).finish()
    config = {"Entrypoint": ["/bin/busybox"], "Cmd": ["env"], "Env": ["FROM=image"], "User": "7:8"}
    with ImageStore(str(tmp_path / "store")) as store:
        add_image(store, "example.test/busybox:1", [layer], config)
    of_image = {"image": "example.test/busybox:1", "store": str(tmp_path / "store"), "state_root": place["state_root"]}
    done = firkin.run(capture_output=True, text=True, **of_image)
    assert "FROM=image\n" in done.stdout
    assert firkin.run(["id", "-u"], capture_output=True, text=True, **of_image).stdout == "7\n"
    assert list((tmp_path / "store/containers").iterdir()) == []


@pytest.mark.requires("memory")
def test_what_is_too_large_is_killed_and_told_of(place: dict[str, Any]) -> None:
    no_swap = {"memory": {"swap": 16 << 20}}
    program = ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"]
    done = firkin.run(program, memory="16m", resources=no_swap, **place)
    assert done.returncode == -signal.SIGKILL
    assert done.stats.memory is not None and done.stats.memory.peak is not None
    assert done.stats.memory.events["oom_kill"] == 1 and 8 << 20 < done.stats.memory.peak <= 16 << 20


@pytest.mark.parametrize(
    ("args", "options", "error", "words"),
    [
        (["absent"], {}, ExecutableError, "executable file not found"),
        ([], {}, UsageError, "needs a program to run"),
        (["true"], {"image": "x"}, UsageError, "just one of the options image and rootfs"),
        (["true"], {"memory": "much"}, UsageError, "option memory: 'much' is not a size"),
        (["true"], {"cpus": 0}, UsageError, "option cpus: 0 is not a number of processors"),
        (["true"], {"colour": "red"}, UsageError, "a container has no option 'colour'"),
        (["true"], {"name": "../x"}, UsageError, "invalid container id"),
        (["true"], {"cwd": "tmp"}, ConfigError, "process.cwd"),
        (["true"], {"user": "nobody-here"}, FirkinError, "there is no 'nobody-here' in /etc/passwd"),
        (["true"], {"cap_add": ["FLY"]}, UsageError, "'FLY' is no capability"),
        (["true"], {"mounts": [firkin.Mount("tmp", "/x")]}, UsageError, "needs an absolute target"),
        (["true"], {"rootfs": "/nowhere"}, FirkinError, "open root file system /nowhere: No such file"),
    ],
)
def test_what_can_not_be_is_an_error_that_leaves_nothing(
    place: dict[str, Any], args: list[str], options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        partial(firkin.run, args, capture_output=True)(**{**place, **options})


def test_a_bundle_is_no_rootfs_but_its_rootfs_is(bundle: Bundle, tmp_path: Path) -> None:
    bundle.save()
    done = firkin.run(["cat", "/etc/passwd"], rootfs=bundle.rootfs, state_root=str(tmp_path / "s"), capture_output=True)
    assert done.stdout == (bundle.rootfs / "etc/passwd").read_bytes()
