"""The runtime's own programs can not be written from inside a container (CVE-2019-5736)."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import firkin.runtime
from tests.support.bundle import FIRKIN, Bundle, Firkin
from tests.support.waiting import SECONDS, eventually

pytestmark = pytest.mark.requires("root", "cgroup2")

_ALL = ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN", "CAP_FOWNER"]

# Tries, until it is told to stop, to write to whatever the runtime is executed from.
_WRITER = """
import os
own, written, seen = str(os.getpid()), set(), 0
def attempt(path, link):
    # Once nobody executes it any more it can be opened: then its seals must hold.
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC):
        try:
            fd = os.open(path, flags)
        except OSError:
            continue
        for change in (lambda: os.write(fd, b"evil"), lambda: os.ftruncate(fd, 0), lambda: os.ftruncate(fd, 1 << 24)):
            try:
                change()
                written.add(link)
            except OSError:
                pass
        os.close(fd)
print("ready", flush=True)
while not os.path.exists("/tmp/stop"):
    for pid in os.listdir("/proc"):
        if not pid.isdecimal() or pid == own:
            continue
        path = f"/proc/{pid}/exe"
        try:
            link = os.readlink(path)
            if link.startswith("/usr") or link.startswith("/bin"):
                continue
            seen += 1
            open("/tmp/seen", "w").close()
            attempt(path, link)
            reading = os.open(path, os.O_RDONLY)
            try:
                attempt(f"/proc/self/fd/{reading}", link)
            finally:
                os.close(reading)
        except OSError:
            pass
print(seen, *sorted(written), sep="\\n", flush=True)
"""


def _digests() -> dict[str, str]:
    folder = Path(next(iter(firkin.runtime.__path__)))
    programs = [FIRKIN, *(place for place in folder.iterdir() if place.name.startswith("firkin-"))]
    assert folder / "firkin-init" in programs
    return {str(place): hashlib.sha256(place.read_bytes()).hexdigest() for place in programs}


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """The installed programs, which must be what they were when the test ends."""
    before = _digests()
    yield
    assert _digests() == before


def _all(bundle: Bundle) -> Bundle:
    bundle.process["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), _ALL)
    return bundle


@pytest.mark.parametrize("interpreter", ["/proc/self/exe", "/proc/1/exe", "/proc/self/exe -x"])
def test_script_that_names_the_runtime_as_its_interpreter(firkin: Firkin, bundle: Bundle, interpreter: str) -> None:
    script = bundle.rootfs / "entry"
    script.write_text(f"#!{interpreter}\n")
    script.chmod(0o755)
    bundle.process["args"] = ["/entry"]
    done = firkin("run", "-b", _all(bundle).save(), firkin.new_id(), check=False)
    assert done.returncode and done.stdout == ""


@pytest.mark.parametrize("program", ["/proc/self/exe", "/proc/1/exe"])
def test_runtime_as_the_program_is_of_no_use(firkin: Firkin, bundle: Bundle, program: str) -> None:
    bundle.process["args"] = [program, "3", "4"]
    done = firkin("run", "-b", _all(bundle).save(), firkin.new_id(), check=False)
    assert done.returncode and done.stdout == ""
    id = firkin.start(bundle.shell("sleep 1000"))
    assert firkin("exec", id, "/proc/self/exe", "3", "4", check=False).returncode


def test_init_that_waits_for_start_can_not_be_written(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.create(_all(bundle).shell("true"))
    exe = Path(f"/proc/{firkin.state(id)['pid']}/exe")
    for flags in ("r+b", "wb", "ab"):
        # ETXTBSY or EPERM, even for root of the host.
        with pytest.raises(OSError, match=r"Text file busy|Operation not permitted"):
            exe.open(flags)


def test_init_that_waits_for_start_is_no_file_of_the_host(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.create(bundle)
    exe = Path(f"/proc/{firkin.state(id)['pid']}/exe")
    installed = {(place.stat().st_dev, place.stat().st_ino) for place in map(Path, _digests())}
    assert (exe.stat().st_dev, exe.stat().st_ino) not in installed


def test_runtime_can_not_be_written_during_execs(firkin: Firkin, bundle: Bundle) -> None:
    argv = firkin.command("run", "-b", _all(bundle).python(_WRITER).save(), firkin.new_id())
    container = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert container.stdout is not None
    assert container.stdout.readline() == "ready\n"
    for _ in range(3):
        _storm(firkin)
    eventually(lambda: _storm(firkin), lambda _: (bundle.rootfs / "tmp/seen").exists())
    (bundle.rootfs / "tmp/stop").touch()
    seen, *written = container.communicate(timeout=SECONDS)[0].splitlines()
    assert int(seen) > 0
    assert written == []


def _storm(firkin: Firkin) -> None:
    argv = firkin.command("exec", firkin.ids[-1], "/bin/busybox", "true")
    running = [subprocess.Popen(argv, stdin=subprocess.DEVNULL) for _ in range(4)]
    assert [process.wait(SECONDS) for process in running] == [0] * 4
