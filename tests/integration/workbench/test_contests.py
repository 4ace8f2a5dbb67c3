"""`firkin bench lifecycle` and the other contests: held with the peers that are here; those that are not are named."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from firkin.cgroupfs.hierarchy import find_hierarchy
from tests.support.bundle import Firkin
from tests.support.pages import Page

pytestmark = pytest.mark.requires("root", "cgroup2", "busybox")


def held(firkin: Firkin, name: str, *words: str | Path, **options: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(firkin("bench", name, "--quick", "--json", *words, **options).stdout)
    (comparison,) = document["comparisons"]
    return dict(comparison)


def left_behind() -> list[str]:
    return [path.name for path in Path(find_hierarchy().mount).iterdir() if path.name.startswith("firkin-bench-")]


@pytest.mark.requires("runc")
def test_a_life_with_firkin_and_runc(firkin: Firkin, tmp_path: Path) -> None:
    found = held(firkin, "lifecycle", "--html", tmp_path / "page.html")
    values = {(sample["step"], sample["contender"]): sample["values"] for sample in found["samples"]}
    for step in ("run", "create", "exec", "start", "delete"):
        for name in ("firkin", "firkin-interpreted", "runc"):
            assert len(values[step, name]) == 5 and min(values[step, name]) > 0
    assert found["versions"]["firkin"].startswith("firkin version")
    page = Page((tmp_path / "page.html").read_text())
    assert page.ids == ["c-lifecycle"] and page.tags.count("figure") == 5


def test_peers_that_are_not_here_are_named(firkin: Firkin, tmp_path: Path) -> None:
    # A PATH with what it needs and no runtime.
    for program in ("busybox", "unshare", "sh", "mount"):
        place = next(Path(part, program) for part in os.environ["PATH"].split(":") if Path(part, program).exists())
        (tmp_path / program).symlink_to(place)
    found = held(firkin, "lifecycle", env={"PATH": str(tmp_path)})
    assert "runc is not installed (Debian package runc)" in found["missing"]
    assert {sample["contender"] for sample in found["samples"]} == {"firkin", "firkin-interpreted"}
    (tmp_path / "busybox").unlink()
    done = firkin("bench", "lifecycle", check=False, env={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert "busybox is not installed (Debian package busybox-static) (apt install busybox-static)" in done.stderr


def test_accounting_leaves_nothing(firkin: Firkin) -> None:
    found = held(firkin, "accounting")
    contenders = {(sample["step"], sample["contender"]) for sample in found["samples"]}
    assert {("one container", "firkin, reader"), ("100 groups", "file by file")} <= contenders
    assert left_behind() == []


@pytest.mark.requires("umoci")
def test_images_with_firkin_umoci_and_tar(firkin: Firkin) -> None:
    found = held(firkin, "images")
    values = {sample["contender"]: sample["values"] for sample in found["samples"] if sample["step"] == "unpack"}
    assert set(values) == {"firkin", "umoci", "tar"} and all(len(times) == 3 for times in values.values())
    assert found["versions"]["umoci"].startswith("umoci version")


def test_who_is_not_root_is_told(firkin: Firkin) -> None:
    done = firkin("bench", "lifecycle", check=False, user=65534, group=65534)
    assert done.returncode == 1 and "bench lifecycle: needs root" in done.stderr


@pytest.mark.requires("runc", "cni-plugins", "gcc", "netns", "ip")
def test_pods_over_cri_with_firkin_and_containerd(firkin: Firkin) -> None:
    found = held(firkin, "cri", timeout=600)
    assert found["missing"] == []
    contenders = {(sample["step"], sample["contender"]): sample["values"] for sample in found["samples"]}
    assert {name for _, name in contenders} == {"firkin, own network", "firkin, bridge plug-in", "containerd"}
    assert all(len(values) == 3 and min(values) > 0 for values in contenders.values())
    assert {"RunPodSandbox", "StartContainer", "ExecSync"} <= {step for step, _ in contenders}
