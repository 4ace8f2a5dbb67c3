"""Loop devices of the workbench: nothing of them outlives who uses them, and no other is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from firkin.errors import UsageError
from firkin.workbench.loop_device import FIRST, opened_loop
from firkin.workbench.scratch_disk import check_named

pytestmark = pytest.mark.requires("root", "loop")

SIZE = 1 << 20
USER = """\
import sys, time
from firkin.workbench.loop_device import opened_loop
with opened_loop(1 << 20) as path:
    print(path, flush=True)
    time.sleep(600)
"""


def is_there(path: str) -> bool:
    return os.path.exists(f"/sys/block/{os.path.basename(path)}")


def is_attached(path: str) -> bool:
    return os.path.exists(f"/sys/block/{os.path.basename(path)}/loop")


def test_it_is_a_disk_of_the_size_asked_for_and_is_gone_afterwards() -> None:
    with opened_loop(SIZE) as path:
        assert int(path.removeprefix("/dev/loop")) >= FIRST and is_attached(path)
        check_named(path)
        with open(path, "r+b", buffering=0) as device:
            assert device.seek(0, os.SEEK_END) == SIZE
            device.seek(4096)
            device.write(b"x" * 4096)
            device.seek(0)
            assert device.read(8192) == bytes(4096) + b"x" * 4096
        with opened_loop(SIZE) as other:
            assert other != path
    assert not is_there(path)


def test_of_a_killed_user_nothing_is_attached_and_the_next_removes_the_rest() -> None:
    with subprocess.Popen([sys.executable, "-P", "-c", USER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        path = process.stdout.readline().strip()
        assert is_attached(path)
        process.kill()
    assert not is_attached(path)
    with opened_loop(SIZE):
        pass
    assert not is_there(path)


def test_a_disk_in_use_is_refused(tmp_path: Path) -> None:
    with opened_loop(8 << 20) as path:
        subprocess.run(["mkfs.ext4", "-q", path], check=True)
        # In a mount namespace of its own, which ends with it.
        script = f"mount {path} {tmp_path} && echo mounted && read wait"
        with subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdin is not None and holder.stdout is not None
            assert holder.stdout.readline() == "mounted\n"
            with pytest.raises(UsageError, match="it is in use"):
                check_named(path)
            holder.stdin.close()
        check_named(path)
