"""How long it takes to bring an image from a registry, or from a store, to a directory, and how much memory.

    python benchmarks/images.py [--rounds N] [--images DIR] [--only SUBSTRING] [--json FILE]

Two images of Debian packages, many files in three layers and one GiB in one layer, each in gzip and in zstd, are served
by docker-registry on 127.0.0.1. All take turns, each time on a new ext4 in memory: neither the disk nor what an earlier
turn left is measured. `tar -x` of the layers one after another, into one directory, is the floor: it verifies nothing.
Compare ratios, not times. Needs root, and memory for a few GiB of files.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

# At the end: the folder firkin/ must not hide the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.image_contenders import Commands, Contender, contenders
from benchmarks.image_sources import Source, run, sources
from benchmarks.memory import children, watched
from tests.support.registry import RealRegistry

Samples = dict[str, list[float]]
_ROOT = Path(__file__).resolve().parents[1]
_SIZE = 8 << 30


@contextmanager
def new_file_system(memory: Path) -> Iterator[Path]:
    """An empty ext4 on a loop device over a file in `memory`."""
    disk, place = memory / "disk", memory / "place"
    place.mkdir(exist_ok=True)
    with disk.open("wb") as file:
        file.truncate(_SIZE)
    run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", disk)
    run("mount", "-o", "loop", disk, place)
    try:
        yield place
    finally:
        run("umount", place)
        disk.unlink()


def execute(commands: Commands) -> None:
    """Run the commands. Raises CalledProcessError."""
    null = subprocess.DEVNULL
    for command in commands:
        subprocess.run(command, check=True, stdin=null, stdout=null, stderr=subprocess.PIPE, cwd=_ROOT)


def seconds(contender: Contender, source: Source, image: str, memory: Path) -> float:
    """How long one turn takes."""
    with new_file_system(memory) as place, contender.begin(source, image, place) as commands:
        begin = time.perf_counter()
        execute(commands)
        return time.perf_counter() - begin


def peak(contender: Contender, source: Source, image: str, memory: Path) -> int:
    """The most memory of one turn, in bytes, with that of who serves it but for the registry."""
    others = children("self")
    with new_file_system(memory) as place, contender.begin(source, image, place) as commands:
        with watched(others) as found:
            execute(commands)
        return found.bytes


def peaks_of_able(found: list[Contender], source: Source, image: str, memory: Path) -> dict[Contender, int]:
    """The memory of those that can do it: umoci may not know how layers are compressed. Warms up, too."""
    peaks = {}
    for contender in found:
        try:
            peaks[contender] = peak(contender, source, image, memory)
        except subprocess.CalledProcessError as error:
            said = (error.stderr or b"").decode().strip().splitlines() or [str(error)]
            print(f"{contender.name} is left out for {source.name}: {said[-1]}", file=sys.stderr)
    return peaks


def sample(found: Iterable[Contender], source: Source, image: str, memory: Path, rounds: int) -> Samples:
    """All rounds, in turn."""
    samples: Samples = {contender.key: [] for contender in found}
    for _ in range(rounds):
        for contender in found:
            samples[contender.key].append(seconds(contender, source, image, memory))
    return samples


def table(source: Source, samples: Samples, peaks: dict[Contender, int]) -> str:
    """Fastest and median, and what the fastest of firkin's is of the fastest of each."""
    entries, size = sum(layer.entries for layer in source.layers), sum(layer.bytes for layer in source.layers)
    lines = [f"{source.name}: {len(source.layers)} layers, {entries} entries, {size >> 20} MiB"]
    lines += [f"{'':38} {'fastest s':>9} {'median':>7} {'layers is':>10} {'bundle is':>10} {'peak MiB':>9}"]
    for contender, most in peaks.items():
        values = samples[contender.key]
        times = f"{min(values):9.2f} {statistics.median(values):7.2f}"
        ours = [_ratio(samples, f"{contender.step}: firkin, {form}", values) for form in ("layers", "bundle")]
        lines.append(f"{contender.key:38} {times} {ours[0]:>10} {ours[1]:>10} {most >> 20:9d}")
    return "\n".join(lines)


def _ratio(samples: Samples, key: str, values: list[float]) -> str:
    return f"{min(samples[key]) / min(values):9.2f}x" if key in samples and samples[key] is not values else ""


def in_private_mounts() -> None:
    """Start this program again where its mounts are seen by itself alone."""
    if os.environ.get("FIRKIN_BENCH") != "1":
        environment = {**os.environ, "FIRKIN_BENCH": "1"}
        os.execvpe("unshare", ["unshare", "-m", sys.executable, "-P", *sys.argv], environment)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=Path, default=_ROOT / "build/images", help="where the images are kept")
    parser.add_argument("--only", default="", help="images, steps or contenders with this in their names")
    parser.add_argument("--json", type=Path, help="write all samples to this file")
    options = parser.parse_args()
    in_private_mounts()
    collected: dict[str, Samples] = {}
    with tempfile.TemporaryDirectory() as directory, RealRegistry(Path(directory) / "registry") as registry:
        memory = Path(directory) / "memory"
        memory.mkdir()
        run("mount", "-t", "tmpfs", "tmpfs", memory)
        for source in sources(options.images):
            image = f"{registry.host}/{source.name}:1"
            registry.fill(source.layout, f"{source.name}:1")
            found = [c for c in contenders() if options.only in f"{source.name} {c.key}"]
            peaks = peaks_of_able(found, source, image, memory)
            collected[source.name] = sample(peaks, source, image, memory, options.rounds)
            if peaks:
                print(table(source, collected[source.name], peaks) + "\n", flush=True)
        run("umount", memory)
    if options.json:
        options.json.write_text(json.dumps(collected, indent=1))


if __name__ == "__main__":
    main()
