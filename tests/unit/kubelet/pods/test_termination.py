"""What a container says of its end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from firkin.cri.api import container_pb2
from firkin.kubelet.pods.identity import TERMINATION_PATH, TERMINATION_POLICY
from firkin.kubelet.pods.termination import log_tail, termination_message


def status(file: Path | None, log: Path | None = None, **more: object) -> container_pb2.ContainerStatus:
    mounts = [container_pb2.Mount(container_path="/dev/termination-log", host_path=str(file))] if file else []
    policy = str(more.pop("policy", "File"))
    annotations = {TERMINATION_PATH: "/dev/termination-log", TERMINATION_POLICY: policy}
    fields = {"exit_code": 1, "log_path": str(log or ""), **more}
    return container_pb2.ContainerStatus(mounts=mounts, annotations=annotations, **fields)  # type: ignore[arg-type]


def lines(*texts: str, last: str = "F") -> str:
    return "".join(f"2026-01-01T00:00:00.000000000Z stdout {last} {text}\n" for text in texts)


def test_the_file_says_it(tmp_path: Path) -> None:
    (tmp_path / "said").write_text("it was me")
    assert termination_message(status(tmp_path / "said")) == "it was me"
    assert termination_message(status(tmp_path / "none")) == ""
    assert termination_message(status(None)) == ""


def test_the_end_of_a_long_message_is_kept(tmp_path: Path) -> None:
    (tmp_path / "said").write_text("x" * 5000 + "end")
    assert termination_message(status(tmp_path / "said")) == "x" * 4093 + "end"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"policy": "FallbackToLogsOnError"}, "one\ntwo\n"),
        ({"policy": "FallbackToLogsOnError", "exit_code": 0}, ""),
        ({"policy": "FallbackToLogsOnError", "reason": "StartError"}, ""),
        ({}, ""),
    ],
)
def test_without_a_message_it_is_the_end_of_the_log(tmp_path: Path, more: dict[str, object], message: str) -> None:
    (tmp_path / "said").touch()
    (tmp_path / "log").write_text(lines("one", "two"))
    assert termination_message(status(tmp_path / "said", tmp_path / "log", **more)) == message


def test_a_file_that_became_a_link_or_a_fifo_is_not_followed_nor_waited_for(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the host")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    assert termination_message(status(tmp_path / "link")).startswith("Error on reading termination log")
    os.mkfifo(tmp_path / "fifo")
    assert "of the host" not in termination_message(status(tmp_path / "fifo"))


def test_the_tail_of_a_log_is_at_most_80_lines_and_2048_bytes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(lines(*(str(number) for number in range(200))))
    assert log_tail(str(log)).split() == [str(number) for number in range(120, 200)]
    log.write_text(lines("y" * 4000, "end"))
    assert log_tail(str(log)) == "y" * 2043 + "\nend\n"
    log.write_text(lines("part") + lines("ial", last="P"))
    assert log_tail(str(log)) == "part\nial"
