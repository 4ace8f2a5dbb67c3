"""Messages: the forms that engines decode, levels, and where they go."""

from __future__ import annotations

import json
import re
import time
from calendar import timegm
from typing import TYPE_CHECKING

import pytest

from firkin.errors import UsageError
from firkin.runtime.cli.log import Log, local_path, open_log

if TYPE_CHECKING:
    from pathlib import Path

RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
HOSTILE = 'a "quoted" \\ line\nand another\x1b[2J \u202e é \udc80'


def write_all(log: Log) -> None:
    log.debug("d")
    log.info("i")
    log.warning("w")
    log.error("e")


def test_a_json_line_has_the_form_that_engines_decode(tmp_path: Path) -> None:
    path = tmp_path / "log"
    Log(str(path), style="json").error("container does not exist")
    form = rf'\{{"level":"error","msg":"container does not exist","time":"{RFC3339}"\}}\n'
    assert re.fullmatch(form, path.read_text())


def test_a_text_line_has_the_form_of_other_runtimes(tmp_path: Path) -> None:
    path = tmp_path / "log"
    Log(str(path)).error("container does not exist")
    assert re.fullmatch(rf'time="{RFC3339}" level=error msg="container does not exist"\n', path.read_text())


def test_the_time_is_now_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "log"
    before = int(time.time())
    Log(str(path), style="json").error("x")
    written = timegm(time.strptime(json.loads(path.read_text())["time"], "%Y-%m-%dT%H:%M:%SZ"))
    assert before <= written <= time.time()


def test_a_message_survives_json_whatever_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    Log(str(path), style="json").error(HOSTILE)
    assert path.read_bytes().isascii()
    assert path.read_text().count("\n") == 1
    assert json.loads(path.read_text())["msg"] == HOSTILE


def test_a_message_stays_one_line_of_text(tmp_path: Path) -> None:
    path = tmp_path / "log"
    Log(str(path)).error(HOSTILE)
    assert path.read_bytes().isascii()
    assert path.read_text().count("\n") == 1
    assert r'msg="a \"quoted\" \\ line\nand another\u001b' in path.read_text()


@pytest.mark.parametrize(
    ("level", "shown"),
    [("debug", "diwe"), ("info", "iwe"), ("warning", "we"), ("error", "e")],
)
def test_messages_below_the_level_are_dropped(
    level: str, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log"
    write_all(Log(str(path), style="json", level=level))
    assert "".join(json.loads(line)["msg"] for line in path.read_text().splitlines()) == shown
    capsys.readouterr()
    write_all(Log(level=level))
    assert "".join(line[-1] for line in capsys.readouterr().err.splitlines()) == shown


def test_with_a_file_only_errors_go_to_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_all(Log(str(tmp_path / "log"), level="debug"))
    assert capsys.readouterr() == ("", "firkin: error: e\n")


def test_without_a_file_plain_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    write_all(Log(level="debug"))
    lines = ["firkin: debug: d", "firkin: info: i", "firkin: warning: w", "firkin: error: e"]
    assert capsys.readouterr().err.splitlines() == lines


def test_without_a_file_json_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    write_all(Log(style="json"))
    assert [json.loads(line)["msg"] for line in capsys.readouterr().err.splitlines()] == ["i", "w", "e"]


def test_lines_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("before\n")
    log = Log(str(path))
    log.error("one")
    log.error("two")
    assert [line[-4:-1] for line in path.read_text().splitlines()][1:] == ["one", "two"]
    assert path.read_text().startswith("before\n")


def test_a_message_that_can_not_be_logged_is_not_lost(capsys: pytest.CaptureFixture[str]) -> None:
    Log("/dev/full").warning("the disk is full")
    shown = capsys.readouterr().err
    assert shown.startswith("firkin: warning: write log /dev/full: No space left on device: the message is lost: ")
    assert "the disk is full" in shown


def test_the_global_options_make_the_log(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = open_log({"log": str(path), "log-format": "json", "log-level": "error"})
    write_all(log)
    assert [json.loads(line)["msg"] for line in path.read_text().splitlines()] == ["e"]


def test_debug_beats_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    open_log({"debug": True, "log-level": "error"}).debug("d")
    assert capsys.readouterr().err == "firkin: debug: d\n"


def test_a_log_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert local_path("log") == f"{tmp_path}/log"
    assert local_path("a:b") == f"{tmp_path}/a:b"
    assert local_path("file:log") == f"{tmp_path}/log"
    assert local_path("file:/var/log/x") == "/var/log/x"
    with pytest.raises(UsageError):
        local_path("journald:x")
