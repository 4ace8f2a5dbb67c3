"""How long it takes to take an image in and to unpack it: firkin, umoci, and tar, which verifies nothing, as the floor.

All state is in memory. benchmarks/images.py has more: registries, containerd, large images of Debian packages.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from firkin.workbench.peers.contest import Contest, Effort, as_samples, milliseconds, take_turns
from firkin.workbench.peers.image_layout import NAME, make_layout
from firkin.workbench.peers.namespaces import in_private_world, place_in_memory
from firkin.workbench.peers.programs import firkin_program, lacking, run
from firkin.workbench.report.result import Comparison

__all__ = ["IMAGES"]

_QUESTION = "How long does it take to unpack an image?"
_FILES, _LARGE = 4000, 64 << 20
_VERSIONS = {"firkin": (firkin_program, "--version"), "umoci": (lambda: "umoci", "--version")}


def _measure(effort: Effort) -> Comparison:
    with place_in_memory() as memory:
        layers = make_layout(memory / "layout", _FILES // (4 if effort.quick else 1), _LARGE)
        run(firkin_program(), "import", "--quiet", "--store", memory / "store", memory / "layout", NAME)
        acts: dict[str, Callable[[], Mapping[str, float]]] = {"firkin": partial(_firkin, memory)}
        missing = [why] if (why := lacking("umoci")) else []
        if not missing:
            acts["umoci"] = partial(_umoci, memory)
        acts["tar"] = partial(_tar, memory, layers)
        found = take_turns(acts, effort)
    versions = {
        name: run(program(), word).partition("\n")[0] for name, (program, word) in _VERSIONS.items() if name in acts
    }
    return Comparison("images", _QUESTION, as_samples(found), versions, missing)


def _unpacked(place: Path, unpack: Callable[[Path], object]) -> Mapping[str, float]:
    bundle = place / "bundle"
    took = milliseconds(lambda: unpack(bundle))
    shutil.rmtree(bundle)
    return {"unpack": took}


def _firkin(memory: Path) -> Mapping[str, float]:
    return _unpacked(memory, lambda bundle: run(firkin_program(), "unpack", "--store", memory / "store", NAME, bundle))


def _umoci(memory: Path) -> Mapping[str, float]:
    return _unpacked(memory, lambda bundle: run("umoci", "unpack", "--image", f"{memory}/layout:1", bundle))


def _tar(memory: Path, layers: list[Path]) -> Mapping[str, float]:
    def unpack(bundle: Path) -> None:
        bundle.mkdir()
        for layer in layers:
            run("tar", "-C", bundle, "-xzpf", layer)

    return _unpacked(memory, unpack)


IMAGES = Contest("images", _QUESTION, (15, 3), ("unshare", "mount", "ip", "tar", "gzip"), in_private_world, _measure)
