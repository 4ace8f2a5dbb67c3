"""What the command does without an interpreter, and that nobody can tell."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.bundle import FIRKIN, Bundle, Firkin, wait_stopped
from tests.support.kept_plans import keep_plan, kept_files
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2")


class Alone(Firkin):
    """A firkin whose interpreter can't be found."""

    def __init__(self, root: Path, program: Path) -> None:
        super().__init__(root)
        self._program = program

    def command(self, *words: str | Path) -> list[str]:
        """The full command line."""
        return ["env", "-i", "PATH=/nowhere", str(self._program), *super().command(*words)[1:]]


@pytest.fixture
def alone(firkin: Firkin, tmp_path: Path) -> Alone:
    """The command with firkin-init beside it, and nothing else of firkin."""
    prefix = tmp_path / "prefix"
    (prefix / "bin").mkdir(parents=True)
    packages = next(FIRKIN.parents[1].glob("lib/python*/*-packages/firkin")).parent
    shutil.copy2(FIRKIN, prefix / "bin/firkin")
    runtime = prefix / packages.relative_to(FIRKIN.parents[1]) / "firkin/runtime"
    runtime.mkdir(parents=True)
    shutil.copy2(packages / "firkin/runtime/firkin-init", runtime)
    alone = Alone(firkin.root, prefix / "bin/firkin")
    alone.ids = firkin.ids
    return alone


def test_it_really_is_alone(alone: Alone) -> None:
    done = alone("list", check=False)
    assert (done.returncode, "No such file or directory" in done.stderr) == (1, True)


def test_a_created_container_is_looked_at_started_signalled_and_deleted(
    firkin: Firkin, alone: Alone, bundle: Bundle
) -> None:
    id = firkin.create(bundle.shell("exec sleep 1000"))
    assert alone.state(id)["status"] == "created"
    alone("start", id)
    assert alone.state(id)["status"] == "running"
    firkin("pause", id)
    assert alone.state(id)["status"] == "paused"
    firkin("resume", id)
    alone("kill", id, "SIGKILL")
    wait_stopped(firkin, id)
    assert alone.state(id)["status"] == "stopped"
    alone("delete", id)
    assert firkin.leftovers(id) == []


def test_a_running_container_is_deleted_by_force(firkin: Firkin, alone: Alone, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("sleep 1000 & exec sleep 1000"))
    alone("delete", "--force", id)
    assert firkin.leftovers(id) == []


def _silent(command: list[str]) -> int:
    null = subprocess.DEVNULL
    return subprocess.run(command, timeout=120, check=False, stdin=null, stdout=null, stderr=null).returncode


@pytest.mark.parametrize("words", [["run"], ["run", "--detach"], ["create", "--pid-file", "PID"]])
def test_the_third_container_of_a_configuration_needs_no_interpreter(
    firkin: Firkin, alone: Alone, bundle: Bundle, tmp_path: Path, words: list[str]
) -> None:
    words = [str(tmp_path / f"{len(word)}.pid") if word == "PID" else word for word in words]
    path = bundle.shell("exit 7").save()
    for runtime in (firkin, firkin, alone):
        id = runtime.new_id()
        code = _silent(runtime.command(*words, "-b", path, id))
        assert code == (7 if words == ["run"] else 0)
    assert (firkin.leftovers(id) == []) == (words == ["run"])
    if "--pid-file" in words:
        assert int(Path(words[-1]).read_text()) == firkin.state(id)["pid"]


@pytest.mark.parametrize("form", ["arguments", "process"])
@pytest.mark.parametrize("words", [[], ["--detach", "--pid-file", "PID"]])
def test_the_third_exec_of_a_kind_needs_no_interpreter(
    firkin: Firkin, alone: Alone, bundle: Bundle, tmp_path: Path, words: list[str], form: str
) -> None:
    words = [str(tmp_path / "pid") if word == "PID" else word for word in words]
    program = ["/bin/sh", "-c", "echo >> /times; exit 9"]
    process = {"args": program, "cwd": "/", "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"]}
    (tmp_path / "process.json").write_text(json.dumps(process))
    id = firkin.start(bundle.shell("exec sleep 1000"))
    end = [id, *program] if form == "arguments" else ["--process", str(tmp_path / "process.json"), id]
    for runtime in (firkin, firkin, alone):
        assert _silent(runtime.command("exec", *words, *end)) == (0 if words else 9)
    eventually(lambda: (bundle.rootfs / "times").read_text(), lambda times: times == "\n\n\n")
    assert alone("exec", id, "/bin/ls", check=False).returncode == 1
    firkin("pause", id)
    assert alone("exec", *words, *end, check=False).returncode == 1


@pytest.mark.parametrize("status", ["created", "running", "stopped"])
def test_the_state_is_the_same_text(
    firkin: Firkin, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    bundle.config["annotations"] = {"one": 'a"\\b\né', "two": "", "pid": "}"}
    bundle.shell("true" if status == "stopped" else "exec sleep 1000")
    id = firkin.create(bundle) if status == "created" else firkin.start(bundle)
    if status == "stopped":
        wait_stopped(firkin, id)
    native = firkin("state", id).stdout
    monkeypatch.setenv("FIRKIN_NATIVE", "0")
    assert firkin("state", id).stdout == native
    assert json.loads(native)["annotations"] == bundle.config["annotations"]


def test_records_of_kept_plans_differ_in_nothing_but_id_time_and_process(
    firkin: Firkin, bundle: Bundle, every_front: str
) -> None:
    id = firkin.create(bundle.shell("exec sleep 1000"))
    record = json.loads((firkin.root / id / "state.json").read_text())
    assert record.pop("created").startswith("20") and record.pop("pid") > 1 and record.pop("startTime") > 1
    assert record == {
        "ociVersion": bundle.config["ociVersion"], "id": id, "bundle": str(bundle.path), "rootfs": str(bundle.rootfs),
        "owner": 0, "cgroup": f"firkin-{id}", "annotations": {},
    }  # fmt: skip
    assert (firkin.root / id / "config.json").read_bytes() == (bundle.path / "config.json").read_bytes()


def test_a_program_that_is_gone_at_start_is_told_of(firkin: Firkin, bundle: Bundle, every_front: str) -> None:
    shutil.copy2(bundle.rootfs / "bin/busybox", bundle.rootfs / "bin/once")
    bundle.process["args"] = ["/bin/once"]
    id = firkin.create(bundle)
    (bundle.rootfs / "bin/once").unlink()
    done = firkin("start", id, check=False)
    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr == 'firkin: error: exec: "/bin/once": stat /bin/once: no such file or directory\n'


@pytest.mark.parametrize(
    "words", [["--systemd-cgroup"], ["--cgroup-manager", "systemd"], ["--cgroup-manager=disabled"]]
)
def test_whose_cgroup_somebody_else_makes_is_no_container_of_a_kept_plan(
    firkin: Firkin, alone: Alone, bundle: Bundle, words: list[str]
) -> None:
    path = bundle.save()
    keep_plan(firkin.root, ["run", "-b", str(path)])
    assert alone("--cgroup-manager", "cgroupfs", "run", "-b", path, firkin.new_id()).returncode == 0
    done = alone(*words, "run", "-b", path, firkin.new_id(), check=False)
    assert (done.returncode, "No such file or directory" in done.stderr) == (1, True)


def test_a_root_that_is_not_normal_is_the_interpreters(
    firkin: Firkin, bundle: Bundle, tmp_path: Path, every_front: str
) -> None:
    # The kernel goes where the link leads before it goes up; the name alone says this directory.
    (tmp_path / "far/away").mkdir(parents=True)
    (tmp_path / "link").symlink_to("far/away")
    odd = Firkin(Path(f"{tmp_path}/link/../state"))
    odd.ids = firkin.ids
    id = odd.start(bundle.shell("exec sleep 1000"))
    assert odd.state(id) == firkin.state(id)
    odd("kill", id, "KILL")
    wait_stopped(firkin, id)
    odd("delete", id)
    assert firkin.leftovers(id) == []


def test_an_exec_whose_container_is_deleted_meanwhile_leaves_nothing(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("exec sleep 1000"))
    # Whether that is before or after its plan was to be kept.
    command = firkin.command("exec", id, "/bin/sh", "-c", "echo ready; exec sleep 1000")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"ready\n"
        firkin("delete", "--force", id)
    assert firkin.leftovers(id) == []


def _truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-8])


def _garbage(file: Path) -> None:
    file.write_bytes(os.urandom(20000))


def _writable(file: Path) -> None:
    file.chmod(0o666)


def _foreign(file: Path) -> None:
    os.chown(file, 1000, 1000)


def _linked(file: Path) -> None:
    file.rename(file.parent / "elsewhere")
    file.symlink_to("elsewhere")


def _fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


def _other_configuration(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"echo right", b"echo wrong"))


def _other_program(file: Path) -> None:
    # As if firkin had been installed anew since.
    content = file.read_bytes()
    at = content.index(b"modules.bin")
    file.write_bytes(content[: at - 1] + b"\\" + content[at:])


@pytest.mark.parametrize(
    "damage",
    [_truncated, _garbage, _writable, _foreign, _linked, _fifo, _other_configuration, _other_program],
)
def test_a_kept_plan_that_is_not_beyond_doubt_is_not_used(
    firkin: Firkin, bundle: Bundle, damage: Callable[[Path], None]
) -> None:
    path = bundle.shell("echo right").save()
    keep_plan(firkin.root, ["run", "-b", str(path)])
    (file,) = kept_files(firkin.root)
    damage(file)
    assert firkin.run(bundle) == "right\n"


def test_a_changed_configuration_has_a_plan_of_its_own(firkin: Firkin, bundle: Bundle) -> None:
    firkin.keeps_plans = True
    assert firkin.run(bundle.shell("echo one")) == "one\n"
    assert firkin.run(bundle.shell("echo two")) == "two\n"
    assert len(kept_files(firkin.root)) == 2


def test_what_depends_on_more_than_the_configuration_is_not_kept(firkin: Firkin, bundle: Bundle) -> None:
    for _time in range(2):
        firkin.run(bundle, "--no-new-keyring")
    bundle.config["hooks"] = {"poststop": [{"path": "/bin/true"}]}
    for _time in range(2):
        firkin.run(bundle)
    assert kept_files(firkin.root) == []


def test_many_configurations_leave_room(firkin: Firkin, bundle: Bundle) -> None:
    plans = firkin.root / ".cache/plans"
    plans.mkdir(parents=True)
    for number in range(400):
        (plans / f"plan-{number:015x}f").touch()
    for number in range(200):
        path = bundle.shell(f"echo {number}").save()
        keep_plan(firkin.root, ["run", "-b", str(path)])
        if len(list(plans.iterdir())) < 100:
            return
    pytest.fail(f"{len(list(plans.iterdir()))} files are kept")
