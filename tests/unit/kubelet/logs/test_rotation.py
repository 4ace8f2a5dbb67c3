"""Rotation: what is done with which file, and after a rotation that was cut off."""

from __future__ import annotations

import asyncio
import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firkin.errors import StateError
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.logs.layout import container_log, link_log, link_name, prune_links
from firkin.kubelet.logs.rotation import Plan, Rotator, RunningLog, plan_rotation

POD = ObjectMeta(name="web", namespace="shop", uid="u")


@pytest.mark.parametrize(
    ("beside", "most", "plan"),
    [
        (["0.log"], 5, Plan((), ())),
        (["0.log", "0.log.1", "1.log", "10.log.1"], 5, Plan((), ("0.log.1",))),
        (["0.log.1.gz", "0.log.2", "0.log"], 5, Plan((), ("0.log.2",))),
        (["0.log.1.gz", "0.log.2.gz", "0.log.3.gz", "0.log.4"], 5, Plan(("0.log.1.gz",), ("0.log.4",))),
        (["0.log.1", "0.log.1.gz", "0.log.2", "0.log.2.tmp"], 5, Plan(("0.log.2.tmp", "0.log.1"), ("0.log.2",))),
        (["0.log.1.gz", "0.log.2"], 2, Plan(("0.log.1.gz", "0.log.2"), ())),
    ],
)
def test_plan(beside: list[str], most: int, plan: Plan) -> None:
    assert plan_rotation("0.log", beside, most) == plan


class Runtime:
    """Makes the new log, or does not."""

    def __init__(self, *paths: Path) -> None:
        self.paths = {path.name: path for path in paths}
        self.is_down = False

    async def reopen_container_log(self, container_id: str) -> None:
        if self.is_down:
            raise StateError("the runtime is down")
        self.paths[container_id].touch()


def rotate(runtime: Runtime, times: int = 1) -> None:
    clock = iter(datetime(2026, 1, 2, 3, 4, second, tzinfo=UTC) for second in range(60))
    running = [RunningLog(path.name, str(path)) for path in runtime.paths.values()]
    rotator = Rotator(runtime, lambda: running, most_bytes=10, most_files=3, clock=lambda: next(clock))

    async def look() -> None:
        for _ in range(times):
            await rotator.look()
            for path in runtime.paths.values():
                path.write_bytes(path.read_bytes() or b"more than ten bytes")

    asyncio.run(look())


def test_a_log_is_renamed_by_its_size_and_the_oldest_one_goes(tmp_path: Path) -> None:
    small, large = tmp_path / "small.log", tmp_path / "large.log"
    small.write_bytes(b"0123456789")
    large.write_bytes(b"the first of them")
    rotate(Runtime(small, large))
    assert (tmp_path / "large.log.20260102-030400").read_bytes() == b"the first of them"
    assert large.read_bytes() == b"more than ten bytes"
    rotate(Runtime(large), times=3)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["large.log", "large.log.20260102-030401.gz", "large.log.20260102-030402", "small.log"]
    assert gzip.decompress((tmp_path / names[1]).read_bytes()) == b"more than ten bytes"


def test_a_log_that_the_runtime_does_not_open_keeps_its_name_and_others_are_rotated(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(b"more than ten bytes")
    runtime = Runtime(path)
    runtime.is_down = True
    rotate(runtime)
    assert [one.name for one in tmp_path.iterdir()] == ["0.log"]
    assert "not rotated: the runtime is down" in caplog.text


def test_a_log_that_was_renamed_and_not_opened_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    rotate(Runtime(path))
    assert path.exists()


def test_links_lead_to_logs_and_go_with_them(tmp_path: Path) -> None:
    log = Path(container_log(str(tmp_path / "pods"), POD, "main", 2))
    assert log == tmp_path / "pods/shop_web_u/main/2.log"
    log.parent.mkdir(parents=True)
    log.touch()
    links = str(tmp_path / "containers")
    name = link_name(POD, "main", "abc")
    assert name == "web_shop_main-abc.log"
    link_log(links, name, "/elsewhere")
    link_log(links, name, str(log))
    link_log(links, name, str(log))
    assert (tmp_path / "containers" / name).resolve() == log
    assert prune_links(links) == 0
    log.unlink()
    assert prune_links(links) == 1
    assert prune_links(str(tmp_path / "none")) == 0
    assert len(link_name(ObjectMeta(name="n" * 250), "c" * 63, "i" * 64)) == 255
