"""The server is killed at random under load, a few times; `make test-faults` does it a thousand times."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fault_run import run_in
from tests.support.netns import World

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge", "nft")


def test_pods_live_on_a_server_that_does_not(here: World, tmp_path: Path) -> None:
    with run_in(tmp_path) as run:
        done = run.slice("short", 10)
    assert done.pods > 0
    assert done.retries > 0
