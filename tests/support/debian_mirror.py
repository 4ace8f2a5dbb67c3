"""A mirror of the few packages of a minimal Debian system, beside which debootstrap has no whole archive to read."""

from __future__ import annotations

import hashlib
import lzma
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

__all__ = ["make_mirror"]

# What debootstrap installs beside the packages whose priority is `required`.
_BASE = ("apt", "usr-is-merged", "usrmerge")
_ATTEMPTS = 3


def make_mirror(place: Path, site: str, release: str) -> str:
    """Download the packages, of this machine's architecture, from the archive at `site`: the URL of the mirror.

    Raises OSError if the archive is out of reach.
    """
    architecture = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    index = f"main/binary-{architecture.stdout.strip()}/Packages"
    listed = lzma.decompress(_download(f"{site}/dists/{release}/{index}.xz")).decode()
    chosen = list(_minimal({part.partition("\n")[0]: part for part in f"\n{listed}".split("\nPackage: ")}))
    _write_index(place / "dists" / release, index, "".join(f"Package: {part.strip()}\n\n" for part in chosen))
    with ThreadPoolExecutor(4) as pool:
        for name, data in pool.map(lambda name: (name, _download(f"{site}/{name}")), map(_file, chosen)):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
    return f"file://{place}"


def _download(url: str) -> bytes:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                data: bytes = answer.read()
            return data
        except OSError:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError


def _minimal(packages: dict[str, str]) -> Iterator[str]:
    wanted = [*_BASE, *(name for name, part in packages.items() if "\nPriority: required\n" in part)]
    seen: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in seen or name not in packages:
            continue
        seen.add(name)
        yield packages[name]
        for line in re.findall(r"^(?:Pre-)?Depends: (.*)$", packages[name], re.MULTILINE):
            for alternatives in line.split(","):
                names = [word.split()[0].partition(":")[0] for word in alternatives.split("|")]
                wanted += [known for known in names if known in packages][:1]


def _file(part: str) -> str:
    found = re.search(r"^Filename: (.*)$", part, re.MULTILINE)
    assert found, part
    return found[1]


def _write_index(directory: Path, name: str, text: str) -> None:
    (directory / name).parent.mkdir(parents=True)
    (directory / name).write_text(text)
    architecture = name.split("/")[1].removeprefix("binary-")
    digest = hashlib.sha256(text.encode()).hexdigest()
    release = f"Codename: {directory.name}\nSuite: {directory.name}\nComponents: main\nArchitectures: {architecture}\n"
    (directory / "Release").write_text(f"{release}SHA256:\n {digest} {len(text.encode())} {name}\n")
