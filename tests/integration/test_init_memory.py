"""firkin-init while it waits for `start`: small, sealed, and without descriptors of the host."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")


def test_waits_in_less_than_300_kib(firkin: Firkin, bundle: Bundle) -> None:
    pid = firkin.state(firkin.create(bundle))["pid"]
    sizes = dict(line.split()[:2] for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    assert int(sizes["Rss:"]) < 300


def test_runs_from_a_sealed_anonymous_file(firkin: Firkin, bundle: Bundle) -> None:
    pid = firkin.state(firkin.create(bundle))["pid"]
    assert os.readlink(f"/proc/{pid}/exe") == "/memfd:firkin-init (deleted)"
    with pytest.raises(OSError, match=r"Operation not permitted|Text file busy|Permission denied"):
        os.close(os.open(f"/proc/{pid}/exe", os.O_WRONLY))


def test_holds_nothing_but_its_streams_and_the_two_fifos(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.create(bundle)
    descriptors = Path(f"/proc/{firkin.state(id)['pid']}/fd")
    held = sorted(os.readlink(entry) for entry in descriptors.iterdir() if int(entry.name) > 2)
    assert held == [f"{firkin.root}/{id}/answer", f"{firkin.root}/{id}/start"]
