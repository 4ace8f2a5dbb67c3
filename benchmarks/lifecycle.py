"""How long a container's life takes: `run` of true, and create, exec, start, delete one by one, against other runtimes.

firkin is measured twice: as it is, with plans that were kept, and with an interpreter for each command.

    python benchmarks/lifecycle.py [--rounds N] [--json FILE]

The runtimes take turns, so that whatever else the machine does hits all of them. Compare ratios, not times.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# At the end: the folder firkin/ must not hide the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.peers import Peer, find_peers, in_unified_layout
from tests.support.bundle import Bundle

Samples = dict[str, dict[str, list[float]]]
OURS = ("firkin", "interpreted")


def timed(action: Callable[[], None]) -> float:
    """Milliseconds that the action takes."""
    begin = time.perf_counter()
    action()
    return (time.perf_counter() - begin) * 1000


def measure(peer: Peer, bundle: Path, id: str) -> dict[str, float]:
    """One round: a `run`, and a container made, started, entered and deleted in steps."""
    arguments = ("-b", str(bundle), id)
    found = {"run": timed(lambda: peer.run("run", *arguments))}
    found["create"] = timed(lambda: peer.run("create", *arguments))
    # The container waits for `start`: a program beside it is executed by what is the same each time.
    found["exec"] = min(timed(lambda: peer.run("exec", id, "/bin/true")) for _time in range(3))
    found["start"] = timed(lambda: peer.run("start", id))
    found["delete"] = timed(lambda: peer.run("delete", "--force", id))
    return found


def sample(peers: list[Peer], bundle: Path, rounds: int) -> Samples:
    """All rounds, the peers in turn; two rounds before them only warm up."""
    samples: Samples = {peer.name: {} for peer in peers}
    for number in range(-2, rounds):
        for peer in peers:
            for step, value in measure(peer, bundle, f"bench-{peer.name}-{number + 2}").items():
                if number >= 0:
                    samples[peer.name].setdefault(step, []).append(value)
    return samples


def table(samples: Samples) -> str:
    """Median and fastest of each step, and the ratio of firkin's two medians to the peer's."""
    lines = [f"{'step':8} {'runtime':12} {'median ms':>10} {'fastest':>8} {'firkin is':>10} {'interpreted':>12}"]
    for step in next(iter(samples.values())):
        medians = {name: statistics.median(steps[step]) for name, steps in samples.items()}
        for name, median in medians.items():
            line = f"{step:8} {name:12} {median:10.2f} {min(samples[name][step]):8.2f}"
            if name not in OURS:
                line += "".join(
                    f" {medians[own] / median:{width}.2f}x" for own, width in zip(OURS, (9, 11), strict=True)
                )
            lines.append(line)
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", type=Path, help="write all samples to this file")
    options = parser.parse_args()
    in_unified_layout()
    with tempfile.TemporaryDirectory() as directory:
        bundle = Bundle(Path(directory))
        bundle.process["args"] = ["/bin/true"]
        bundle.config["ociVersion"] = "1.0.2"
        path = bundle.save()
        ours, *others = find_peers(path)
        peers = [ours, Peer("interpreted", ours.path, FIRKIN_NATIVE="0"), *others]
        for peer in peers:
            print(f"{peer.name}: {peer.version()}")
        samples = sample(peers, path, options.rounds)
    print(table(samples))
    if options.json:
        options.json.write_text(json.dumps(samples, indent=1))


if __name__ == "__main__":
    main()
