"""Plans that are kept before the command runs, so that it needs no interpreter for a container it has not seen yet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from firkin.errors import FirkinError
from firkin.runtime.bundle import read_bundle
from firkin.runtime.compile.request import Request
from firkin.runtime.host import read_host
from firkin.runtime.keeping import keep_container

__all__ = ["keep_plan", "kept_files"]


def keep_plan(state_root: Path, words: Sequence[str]) -> None:
    """Keep the plan of a command line of `run` or `create`, if the command itself would the second time."""
    if "-b" not in words:
        return
    try:
        bundle, text, config = read_bundle(words[words.index("-b") + 1])
        host = read_host(str(state_root))
    except FirkinError:
        return
    run = words[0] == "run"
    request = Request(
        id="x",
        bundle=bundle,
        state_root=str(state_root),
        config=text,
        created="",
        run=run,
        foreground=run and not {"-d", "--detach"} & set(words),
        pid_file=words[words.index("--pid-file") + 1] if "--pid-file" in words else "",
    )
    try:
        for _sight in range(2):
            keep_container(config, request, host)
    except FirkinError:
        # One that can't be compiled is not kept.
        return


def kept_files(state_root: Path) -> list[Path]:
    """The files of plans that are kept."""
    return [path for path in (state_root / ".cache/plans").glob("*") if path.stat().st_size]
