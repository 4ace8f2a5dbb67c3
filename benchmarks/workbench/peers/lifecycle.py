"""How long the life of a container takes: `run` of true; create, exec, start and delete one by one, by each runtime."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from firkin.workbench.peers.bundle import make_bundle
from firkin.workbench.peers.contest import Contest, Effort, as_samples, milliseconds, take_turns
from firkin.workbench.peers.namespaces import in_unified_layout
from firkin.workbench.peers.runtimes import Peer, find_peers
from firkin.workbench.report.result import Comparison

__all__ = ["LIFECYCLE"]

_QUESTION = "How long does a container's life take, step by step?"
_numbers = itertools.count()


def _measure(effort: Effort) -> Comparison:
    with tempfile.TemporaryDirectory() as directory:
        bundle = make_bundle(Path(directory) / "bundle", "/bin/true")
        peers, missing = find_peers(bundle)
        found = take_turns({peer.name: partial(_life, peer, str(bundle)) for peer in peers}, effort)
        versions = {peer.name: peer.version() for peer in peers}
    return Comparison("lifecycle", _QUESTION, as_samples(found), versions, missing)


def _life(peer: Peer, bundle: str) -> Mapping[str, float]:
    id = f"bench-{peer.name}-{next(_numbers)}"
    arguments = ("-b", bundle, id)
    return {
        "run": milliseconds(lambda: peer.run("run", *arguments)),
        "create": milliseconds(lambda: peer.run("create", *arguments)),
        # The container waits to be started; a program beside it is what a health check executes again and again.
        "exec": min(milliseconds(lambda: peer.run("exec", id, "/bin/true")) for _time in range(3)),
        "start": milliseconds(lambda: peer.run("start", id)),
        "delete": milliseconds(lambda: peer.run("delete", "--force", id)),
    }


LIFECYCLE = Contest("lifecycle", _QUESTION, (30, 5), ("busybox", "unshare"), in_unified_layout, _measure)
