"""Who brings an image to a directory: firkin, skopeo with umoci, containerd, and tar as the floor."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.image_sources import COMPRESSIONS, Source, run

__all__ = ["Contender", "contenders"]

_FIRKIN = Path(sys.executable).parent / "firkin"
_LAYERS = Path(__file__).parent / "image_layers.py"
_SKOPEO = ("skopeo", "--insecure-policy", "copy", "--quiet")


Commands = list[list[str | Path]]


class Contender(NamedTuple):
    """Who takes a step: `begin` prepares an empty place for an image of a registry, and gives the commands to time."""

    step: str
    name: str
    begin: Callable[[Source, str, Path], AbstractContextManager[Commands]]

    @property
    def key(self) -> str:
        """Both names."""
        return f"{self.step}: {self.name}"


def contenders() -> list[Contender]:
    """All that this machine has."""
    found = [
        Contender("unpack", "tar", _tar),
        Contender("unpack", "firkin, layers", _firkin_layers_here),
        Contender("unpack", "firkin, bundle", _firkin_bundle_here),
        Contender("unpack", "umoci", _umoci),
        Contender("pull and unpack", "firkin, layers", _firkin_layers),
        Contender("pull and unpack", "firkin, bundle", _firkin_bundle),
        Contender("pull and unpack", "skopeo, umoci", _skopeo_umoci),
        Contender("pull and unpack", "containerd, overlayfs", partial(_containerd, snapshotter="overlayfs")),
        Contender("pull and unpack", "containerd, native", partial(_containerd, snapshotter="native")),
        Contender("pull again", "firkin", _firkin_again),
        Contender("pull again", "containerd, overlayfs", partial(_containerd, snapshotter="overlayfs", again=True)),
    ]
    return [contender for contender in found if _is_here(contender.name)]


def _is_here(name: str) -> bool:
    programs = {"tar": ["tar"], "umoci": ["umoci", "skopeo"], "skopeo, umoci": ["umoci", "skopeo"]}
    needed = programs.get(name, ["containerd", "ctr"] if name.startswith("containerd") else [])
    missing = [program for program in needed if shutil.which(program) is None]
    if missing:
        print(f"{name} is left out: no {missing[0]} on PATH", file=sys.stderr)
    return not missing


@contextmanager
def _tar(source: Source, image: str, place: Path) -> Iterator[Commands]:
    (place / "root").mkdir()
    tar: list[str | Path] = ["tar", "-C", place / "root", "--numeric-owner", "--xattrs", "--xattrs-include=*"]
    programs = [f"--use-compress-program={COMPRESSIONS[layer.compression][0]}" for layer in source.layers]
    yield [[*tar, program, "-xpf", layer.path] for program, layer in zip(programs, source.layers, strict=True)]


def _layers(image: str, place: Path) -> list[str | Path]:
    return [sys.executable, "-P", _LAYERS, place / "store", image, place / "layers"]


def _bundle(image: str, place: Path) -> list[str | Path]:
    return [_FIRKIN, "unpack", "--store", place / "store", image, place / "bundle"]


@contextmanager
def _firkin_layers_here(source: Source, image: str, place: Path) -> Iterator[Commands]:
    run(_FIRKIN, "pull", "--store", place / "store", image)
    yield [_layers(image, place)]


@contextmanager
def _firkin_bundle_here(source: Source, image: str, place: Path) -> Iterator[Commands]:
    run(_FIRKIN, "pull", "--store", place / "store", image)
    yield [_bundle(image, place)]


def _firkin_layers(source: Source, image: str, place: Path) -> AbstractContextManager[Commands]:
    return nullcontext([_layers(image, place)])


def _firkin_bundle(source: Source, image: str, place: Path) -> AbstractContextManager[Commands]:
    return nullcontext([_bundle(image, place)])


@contextmanager
def _firkin_again(source: Source, image: str, place: Path) -> Iterator[Commands]:
    command: list[str | Path] = [_FIRKIN, "pull", "--store", place / "store", image]
    run(*command)
    yield [command]


@contextmanager
def _umoci(source: Source, image: str, place: Path) -> Iterator[Commands]:
    run(*_SKOPEO, f"oci:{source.layout}", f"oci:{place}/layout:1")
    yield [["umoci", "unpack", "--image", f"{place}/layout:1", place / "bundle"]]


@contextmanager
def _skopeo_umoci(source: Source, image: str, place: Path) -> Iterator[Commands]:
    yield [
        [*_SKOPEO, "--src-tls-verify=false", f"docker://{image}", f"oci:{place}/layout:1"],
        ["umoci", "unpack", "--image", f"{place}/layout:1", place / "bundle"],
    ]


@contextmanager
def _containerd(
    source: Source, image: str, place: Path, *, snapshotter: str, again: bool = False
) -> Iterator[Commands]:
    with _running_containerd(place) as address:
        pull: list[str | Path] = ["ctr", "-a", address, "image", "pull", "--plain-http", "--snapshotter", snapshotter]
        pull.append(image)
        if again:
            run(*pull)
        yield [pull]


@contextmanager
def _running_containerd(place: Path) -> Iterator[Path]:
    address = place / "containerd.sock"
    config = {
        "version": 2,
        "root": str(place / "containerd"),
        "state": str(place / "state"),
        "disabled_plugins": ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"],
        "grpc": {"address": str(address)},
    }
    path = place / "containerd.toml"
    path.write_text(_toml(config))
    # What it says at the end of its start is that it serves.
    with subprocess.Popen(["containerd", "-c", path], stderr=subprocess.PIPE, text=True) as server:
        try:
            lines = server.stderr
            if lines is None or not any("successfully booted" in line for line in lines):
                raise RuntimeError("containerd did not start")
            # A full pipe would stop it.
            reader = threading.Thread(target=deque, args=(lines, 0))
            reader.start()
            yield address
        finally:
            server.terminate()
            server.wait()


def _toml(document: dict[str, object]) -> str:
    plain = [f"{key} = {json.dumps(value)}" for key, value in document.items() if not isinstance(value, dict)]
    tables = [f"[{key}]\n{_toml(value)}" for key, value in document.items() if isinstance(value, dict)]
    return "\n".join([*plain, *tables])
