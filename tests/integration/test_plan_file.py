"""A plan is data: saved to a file it is run by a C program, without Python."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import firkin.runtime.spawn
from firkin.oci.runtime_spec.config import load_config
from firkin.runtime.compile.container import compile_container
from firkin.runtime.compile.request import Request
from firkin.runtime.host import read_host
from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")
FIRKIN_PLAN = Path(str(firkin.runtime.spawn.__file__)).parent / "firkin-plan"


def save_plan(bundle: Bundle, state_root: Path, id: str, to: Path) -> None:
    text = (bundle.save() / "config.json").read_bytes()
    request = Request(
        id=id, bundle=str(bundle.path), state_root=str(state_root), config=text, created="", run=True, foreground=True
    )
    plan, _ = compile_container(load_config(text), request, read_host(str(state_root)))
    to.write_bytes(plan)


def test_plan_from_a_file_runs_the_container(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    id = firkin.new_id()
    save_plan(bundle.shell("hostname; echo $$; exit 9"), firkin.root, id, tmp_path / "plan")
    done = subprocess.run([FIRKIN_PLAN, tmp_path / "plan"], capture_output=True, text=True, check=False, env={})
    assert (done.returncode, done.stdout.splitlines()[1:], done.stderr) == (9, ["1"], "")
    assert firkin.state(id)["status"] == "stopped"


def test_plan_that_fails_undoes_itself_and_tells_the_operation(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    id = firkin.new_id()
    bundle.process["args"] = ["/nowhere"]
    save_plan(bundle, firkin.root, id, tmp_path / "plan")
    done = subprocess.run([FIRKIN_PLAN, tmp_path / "plan"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "child operation" in done.stderr and os.strerror(2) in done.stderr
    assert firkin.leftovers(id) == []


@pytest.mark.parametrize("damage", [b"", b"garbage" * 100])
def test_what_is_no_plan_is_refused(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "plan").write_bytes(damage)
    done = subprocess.run([FIRKIN_PLAN, tmp_path / "plan"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_the_process_is_told_on_a_descriptor(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    id = firkin.new_id()
    save_plan(bundle.shell("ls /proc/self/fd; exit 9"), firkin.root, id, tmp_path / "plan")
    told, tells = os.pipe()
    command = [str(FIRKIN_PLAN), str(tmp_path / "plan"), str(tells)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, pass_fds=[tells])
    os.close(tells)
    assert (done.returncode, done.stdout.split()) == (9, ["0", "1", "2", "3"])
    assert int(os.read(told, 100)) == firkin.state(id)["pid"] or firkin.state(id)["status"] == "stopped"
    os.close(told)
    assert subprocess.run([FIRKIN_PLAN, tmp_path / "plan", "77"], capture_output=True, check=False).returncode == 2
