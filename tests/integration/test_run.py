"""`firkin run`: a program from its start to its exit code."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = [pytest.mark.requires("root", "cgroup2"), pytest.mark.usefixtures("every_front")]


@pytest.mark.parametrize("code", [0, 1, 7, 125, 255])
def test_passes_on_the_exit_code_of_the_program(firkin: Firkin, bundle: Bundle, code: int) -> None:
    done = firkin("run", "-b", bundle.shell(f"exit {code}").save(), firkin.new_id(), check=False)
    assert (done.returncode, done.stderr) == (code, "")


def test_streams_are_those_of_the_caller(firkin: Firkin, bundle: Bundle) -> None:
    bundle.shell("tr a-z A-Z; echo complaint >&2")
    done = firkin("run", "-b", bundle.save(), firkin.new_id(), input="words\n")
    assert (done.stdout, done.stderr) == ("WORDS\n", "complaint\n")


def test_nothing_is_left_when_the_program_has_ended(firkin: Firkin, bundle: Bundle) -> None:
    firkin.run(bundle)
    assert firkin.leftovers(firkin.ids[-1]) == []


def test_background_processes_end_with_the_first_process(firkin: Firkin, bundle: Bundle) -> None:
    done = firkin("run", "-b", bundle.shell("sleep 1000 >/dev/null 2>&1 & echo $!").save(), firkin.new_id())
    assert done.stdout == "2\n"
    assert firkin.leftovers(firkin.ids[-1]) == []


def test_background_processes_without_a_pid_namespace_end_too(firkin: Firkin, bundle: Bundle) -> None:
    bundle.namespaces("mount").config.pop("hostname")
    pid = int(firkin.run(bundle.shell("sleep 1000 >/dev/null 2>&1 & echo $!")))
    assert not Path(f"/proc/{pid}/exe").exists()


def test_keep_leaves_a_stopped_container(firkin: Firkin, bundle: Bundle) -> None:
    firkin.run(bundle, "--keep")
    assert firkin.state(firkin.ids[-1])["status"] == "stopped"


def test_detach_returns_while_the_program_runs(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.new_id()
    bundle.process["args"] = ["sleep", "1000"]
    subprocess.run(
        firkin.command("run", "--detach", "-b", bundle.save(), id),
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    state = firkin.state(id)
    assert state["status"] == "running"
    assert Path(f"/proc/{state['pid']}/cmdline").read_bytes() == b"sleep\x001000\x00"


def test_pid_file_names_the_first_process(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    id = firkin.create(bundle, "--pid-file", tmp_path / "pid")
    assert (tmp_path / "pid").read_text() == str(firkin.state(id)["pid"])


def test_relative_pid_file_starts_at_the_current_directory(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    firkin.run(bundle, "--pid-file", "pid", cwd=tmp_path)
    assert (tmp_path / "pid").read_text().isdecimal()


def test_bundle_is_the_current_directory_unless_named(firkin: Firkin, bundle: Bundle) -> None:
    assert firkin("run", firkin.new_id(), cwd=bundle.shell("echo here").save()).stdout == "here\n"


def test_config_names_another_document(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    bundle.shell("echo other").save()
    other = (bundle.path / "config.json").rename(tmp_path / "other.json")
    assert firkin("run", "-b", bundle.path, "--config", other, firkin.new_id()).stdout == "other\n"


def test_root_path_may_be_absolute(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    bundle.rootfs.rename(elsewhere)
    bundle.config["root"]["path"] = str(elsewhere)
    assert firkin.run(bundle.shell("echo there")) == "there\n"


def test_root_path_may_be_a_symbolic_link(firkin: Firkin, bundle: Bundle) -> None:
    bundle.rootfs.rename(bundle.path / "real")
    bundle.rootfs.symlink_to("real")
    assert firkin.run(bundle.shell("echo linked")) == "linked\n"


def test_program_is_the_first_process_of_its_pid_namespace(firkin: Firkin, bundle: Bundle) -> None:
    assert firkin.run(bundle.shell("echo $$")) == "1\n"


def test_program_leads_a_session_of_its_own(firkin: Firkin, bundle: Bundle) -> None:
    _, _, _, _, group, session, *_ = firkin.run(bundle.shell("cat /proc/1/stat")).split()
    assert (group, session) == ("1", "1")


def test_program_is_searched_in_the_path_of_its_environment(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.rootfs / "odd").mkdir()
    (bundle.rootfs / "odd/program").symlink_to("/bin/busybox")
    bundle.process["args"] = ["program", "--help"]
    bundle.process["env"] = ["PATH=/bin:/absent:/odd"]
    firkin("run", "-b", bundle.save(), firkin.new_id(), check=False)
    bundle.process["args"] = ["echo", "found"]
    assert firkin.run(bundle) == "found\n"


def test_path_skips_what_can_not_be_executed(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.rootfs / "first").mkdir()
    (bundle.rootfs / "first/echo").write_text("no program")
    bundle.process["args"] = ["echo", "second"]
    bundle.process["env"] = ["PATH=/first:/bin"]
    assert firkin.run(bundle) == "second\n"


def test_relative_program_starts_at_the_working_directory(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["cwd"] = "/bin"
    bundle.process["args"] = ["./echo", "relative"]
    assert firkin.run(bundle) == "relative\n"


def test_script_is_run_by_its_interpreter(firkin: Firkin, bundle: Bundle) -> None:
    script = bundle.rootfs / "script"
    script.write_text('#!/bin/sh\necho "script $1"\n')
    script.chmod(0o755)
    bundle.process["args"] = ["/script", "argument"]
    assert firkin.run(bundle) == "script argument\n"


def test_arguments_are_bytes_to_bytes(firkin: Firkin, bundle: Bundle) -> None:
    words = ["", "two words", "ä€", "back\\slash", "new\nline", '"quoted"']
    bundle.process["args"] = ["sh", "-c", 'for word; do echo "<$word>"; done', "sh", *words]
    assert firkin.run(bundle) == "".join(f"<{word}>\n" for word in words)


def test_hostname_and_domainname_are_set_inside(firkin: Firkin, bundle: Bundle) -> None:
    outside = os.uname().nodename
    bundle.config["hostname"] = "inside"
    bundle.config["domainname"] = "example.org"
    script = "hostname; cat /proc/sys/kernel/domainname"
    assert firkin.run(bundle.shell(script)) == "inside\nexample.org\n"
    assert os.uname().nodename == outside


def test_without_pivot_the_root_is_still_the_bundles(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.rootfs / "mark").write_text("here\n")
    assert firkin.run(bundle.shell("cat /mark; pwd"), "--no-pivot") == "here\n/\n"


def test_annotations_are_shown_by_state(firkin: Firkin, bundle: Bundle) -> None:
    bundle.config["annotations"] = {"org.example.key": "value", "empty": ""}
    id = firkin.create(bundle)
    assert firkin.state(id)["annotations"] == {"org.example.key": "value", "empty": ""}


def test_later_changes_of_the_document_have_no_effect(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    bundle.mount("/out", "bind", str(tmp_path), "bind")
    id = firkin.create(bundle.shell("echo first > /out/result"))
    bundle.shell("echo second > /out/result").save()
    reader = os.open(_fifo(tmp_path / "result"), os.O_RDWR)
    firkin("start", id)
    assert os.read(reader, 100) == b"first\n"
    os.close(reader)


def _fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def test_bundle_may_vanish_after_create(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.create(bundle.shell("sleep 1000"))
    (bundle.path / "config.json").unlink()
    firkin("start", id)
    assert firkin.state(id)["status"] == "running"


def test_names_with_blanks_and_other_scripts_are_no_trouble(firkin: Firkin, tmp_path: Path) -> None:
    bundle = Bundle(tmp_path / "a bündle\twith blanks")
    assert firkin.run(bundle.shell("echo fine")) == "fine\n"


def test_deep_bundle_path(firkin: Firkin, tmp_path: Path) -> None:
    bundle = Bundle(tmp_path / "/".join(["d" * 200] * 10))
    assert firkin.run(bundle.shell("echo deep")) == "deep\n"


def test_program_need_not_have_a_proc(firkin: Firkin, bundle: Bundle) -> None:
    bundle.config["mounts"] = []
    bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
    assert firkin.run(bundle.shell("echo /proc/*")) == "/proc/*\n"


def test_rootfs_may_hold_nothing_but_the_program(firkin: Firkin, bundle: Bundle) -> None:
    shutil.rmtree(bundle.rootfs)
    bundle.rootfs.mkdir()
    shutil.copy2("/bin/busybox", bundle.rootfs / "sh")
    bundle.process["args"] = ["/sh", "-c", "echo alone"]
    assert firkin.run(bundle) == "alone\n"


def test_what_was_used_is_told_at_the_end(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.new_id()
    done = firkin("run", "--stats", "text", "-b", bundle.shell("echo out").save(), id)
    assert done.stdout == "out\n"
    assert re.fullmatch(rf"firkin: {id} used \d+\.\d{{3}} s of processors.*\n", done.stderr)
    done = firkin("run", "--stats", "json", "-b", bundle.path, id)
    assert json.loads(done.stderr)["cpu"]["usage_usec"] > 0
    assert "contradicts --detach" in firkin("run", "--stats", "text", "-d", id, check=False).stderr


def test_a_container_that_somebody_else_deleted_used_nobody_knows_what(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.new_id()
    command = firkin.command("run", "--stats", "text", "-b", bundle.shell("echo ready; exec sleep 1000").save(), id)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr and process.stdout.readline() == b"ready\n"
        firkin("delete", "--force", id)
        assert process.wait() == 128 + 9
        assert process.stderr.read().decode().startswith(f"firkin: warning: what {id} used is not known: ")
    assert firkin.leftovers(id) == []


@pytest.mark.requires("memory", "pids")
def test_the_peaks_are_told(firkin: Firkin, bundle: Bundle) -> None:
    done = firkin("run", "--stats", "json", "-b", bundle.shell("head -c 8m /dev/zero | tail").save(), firkin.new_id())
    used = json.loads(done.stderr)
    assert used["memory"]["peak"] > 8 << 20 and used["pids"]["peak"] >= 2
