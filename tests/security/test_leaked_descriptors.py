"""No descriptor of the host is in a container, neither by number nor in sight while others are being started."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.security.sentinel import SECRET, Sentinel
from tests.support.bundle import Bundle, Firkin
from tests.support.waiting import SECONDS, eventually

pytestmark = pytest.mark.requires("root", "cgroup2")

_NUMBERS = range(3, 16)
_PTRACE = ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"]

# What can be seen of all other processes: paths that lead out of the container, and descriptors of any kind.
_SCANNER = """
import os
own, seen, looked, followed = str(os.getpid()), set(), 0, 0
def look(pid):
    global looked, followed
    if pid == own:
        return
    looked += 1
    for name in ("cwd", "root", *(f"fd/{number}" for number in listed(pid))):
        try:
            link = os.readlink(f"/proc/{pid}/{name}")
            if os.readlink(f"/proc/{pid}/exe").startswith("/memfd:"):
                followed += 1
                open("/tmp/followed", "w").close()
            host = os.path.exists(f"/proc/{pid}/{name}/MARK")
        except OSError:
            continue
        if host:
            seen.add(f"{name} leads to the host: {link}")
        elif name.startswith("fd/") and int(name[3:]) > 2 and not link.startswith("socket:"):
            seen.add(f"fd: {link}")
def listed(pid):
    try:
        return os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return []
print("ready", flush=True)
while not os.path.exists("/tmp/stop"):
    for pid in os.listdir("/proc"):
        if pid.isdecimal():
            look(pid)
print(looked, followed, *sorted(seen), sep="\\n", flush=True)
"""


@pytest.mark.parametrize("capabilities", [[], _PTRACE], ids=["plain", "ptrace"])
def test_nothing_of_the_host_is_in_sight_during_a_storm_of_execs(
    firkin: Firkin, bundle: Bundle, tmp_path: Path, capabilities: list[str]
) -> None:
    bundle.process["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), capabilities)
    script = _SCANNER.replace("MARK", str(tmp_path)[1:])
    argv = firkin.command("run", "-b", bundle.python(script).save(), firkin.new_id())
    container = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert container.stdout is not None
    assert container.stdout.readline() == "ready\n"
    _storm(firkin, firkin.ids[-1])
    if capabilities:
        # Who may trace sees links of processes that still run firkin-init, sooner or later.
        eventually(lambda: _storm(firkin, firkin.ids[-1]), lambda _: (bundle.rootfs / "tmp/followed").exists())
    (bundle.rootfs / "tmp/stop").touch()
    looked, followed, *seen = container.communicate(timeout=SECONDS)[0].splitlines()
    assert int(looked) > 0 and (int(followed) > 0) is bool(capabilities)
    assert seen == []


def _storm(firkin: Firkin, id: str) -> None:
    for _ in range(3):
        argv = firkin.command("exec", id, "/bin/busybox", "true")
        running = [subprocess.Popen(argv, stdin=subprocess.DEVNULL) for _ in range(4)]
        assert [process.wait(SECONDS) for process in running] == [0] * 4


def test_program_has_three_descriptors(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    # The descriptor by which the listing is read is gone afterwards.
    bundle.python("import os; print(sorted(n for n in os.listdir('/proc/self/fd') if os.path.exists(f'/dev/fd/{n}')))")
    with open("/dev/null") as null:
        place = os.open(tmp_path, os.O_RDONLY)
        os.set_inheritable(place, True)
        argv = firkin.command("run", "-b", bundle.save(), firkin.new_id())
        done = subprocess.run(argv, stdin=null, capture_output=True, text=True, check=True, pass_fds=[place])
        os.close(place)
    assert done.stdout == "['0', '1', '2']\n"


def test_exec_has_three_descriptors(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    id = firkin.start(bundle.shell("sleep 1000"))
    place = os.open(tmp_path, os.O_RDONLY)
    argv = firkin.command("exec", id, "sh", "-c", "ls /proc/$$/fd; true")
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, pass_fds=[place])
    os.close(place)
    assert done.stdout.split() == ["0", "1", "2"]


@pytest.mark.parametrize(
    "form", ["/proc/self/fd/{}", "/proc/self/fd/{}/..", "/proc/self/fd/{}/../../../etc", "/link{}"]
)
def test_working_directory_is_no_descriptor(firkin: Firkin, bundle: Bundle, sentinel: Sentinel, form: str) -> None:
    place = os.open(sentinel.path, os.O_RDONLY)
    for number in _NUMBERS:
        (bundle.rootfs / f"link{number}").symlink_to(f"/proc/self/fd/{number}")
        bundle.process["cwd"] = form.format(number)
        bundle.shell("cat file; pwd; ls")
        argv = firkin.command("run", "-b", bundle.save(), firkin.new_id())
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, pass_fds=[place]
        )
        assert (done.returncode, done.stdout) == (1, ""), form.format(number)
        assert len(done.stderr.splitlines()) == 1
    os.close(place)


@pytest.mark.parametrize("form", ["/proc/self/fd/{}", "/proc/self/fd/{}/..", "/link{}"])
def test_exec_does_not_start_in_a_descriptor(firkin: Firkin, bundle: Bundle, sentinel: Sentinel, form: str) -> None:
    for number in _NUMBERS:
        (bundle.rootfs / f"link{number}").symlink_to(f"/proc/self/fd/{number}")
    id = firkin.start(bundle.shell("sleep 1000"))
    place = os.open(sentinel.path, os.O_RDONLY)
    for number in _NUMBERS:
        argv = firkin.command("exec", "--cwd", form.format(number), id, "sh", "-c", "cat file; pwd")
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, pass_fds=[place]
        )
        assert done.returncode and done.stdout == "", form.format(number)
    os.close(place)


@pytest.mark.parametrize("command", ["run", "exec"])
def test_directory_of_the_host_as_standard_input_is_no_working_directory(
    firkin: Firkin, bundle: Bundle, sentinel: Sentinel, command: str
) -> None:
    place = os.open(sentinel.path, os.O_RDONLY)
    if command == "run":
        bundle.process["cwd"] = "/proc/self/fd/0"
        argv = firkin.command("run", "-b", bundle.shell("cat file").save(), firkin.new_id())
    else:
        id = firkin.start(bundle.shell("sleep 1000"))
        argv = firkin.command("exec", "--cwd", "/proc/self/fd/0", id, "cat", "file")
    done = subprocess.run(argv, stdin=place, capture_output=True, text=True, check=False)
    os.close(place)
    assert done.returncode and SECRET not in done.stdout


def test_descriptor_that_is_passed_on_is_no_working_directory(
    firkin: Firkin, bundle: Bundle, sentinel: Sentinel
) -> None:
    id = firkin.start(bundle.shell("sleep 1000"))
    argv = firkin.command("exec", "--preserve-fds", "1", "--cwd", "/proc/self/fd/3", id, "cat", "file")
    script = 'exec 3<"$1"; shift; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", str(sentinel.path), *argv], capture_output=True, text=True, check=False
    )
    assert done.returncode and "outside of the container's root" in done.stderr
    assert SECRET not in done.stdout


@pytest.mark.parametrize("form", ["/proc/self/fd/{}/bin/true", "/proc/self/fd/{}/../../bin/sh"])
def test_program_is_not_behind_a_descriptor(firkin: Firkin, bundle: Bundle, form: str) -> None:
    id = firkin.start(bundle.shell("sleep 1000"))
    root = os.open("/", os.O_RDONLY)
    for number in _NUMBERS:
        program = form.format(number)
        done = subprocess.run(firkin.command("exec", id, program), capture_output=True, check=False, pass_fds=[root])
        assert done.returncode in (126, 127), program
        bundle.process["args"] = [program]
        argv = firkin.command("run", "-b", bundle.save(), firkin.new_id())
        done = subprocess.run(argv, capture_output=True, check=False, pass_fds=[root])
        assert done.returncode in (126, 127), program
    os.close(root)
