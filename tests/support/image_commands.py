"""The commands about images, on a store of one test."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from tests.support.bundle import Firkin

__all__ = ["ImageCommands"]


class ImageCommands:
    """Runs `firkin COMMAND --store STORE WORDS`, the store being in the directory `place`."""

    def __init__(self, firkin: Firkin, place: Path) -> None:
        self.firkin = firkin
        self.store = place / "images"

    def __call__(
        self, command: str, *words: object, check: bool = True, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        return self.firkin(*self.words(command, *words), check=check, **options)

    def words(self, command: str, *words: object) -> list[str]:
        """What follows the program's name."""
        return [command, "--store", str(self.store), *map(str, words)]

    def fails(self, command: str, *words: object, code: int = 1, **options: Any) -> str:
        """Run a command that must fail with one line and no output: the line."""
        done = self(command, *words, check=False, **options)
        assert (done.returncode, done.stdout) == (code, ""), done
        assert done.stderr.count("\n") == 1 and done.stderr.startswith("firkin: error: "), done.stderr
        return done.stderr.removeprefix("firkin: error: ").rstrip("\n")

    def blobs(self) -> set[str]:
        """The digests of all blobs that are here."""
        root = self.store / "content/blobs"
        return {f"{path.parent.name}:{path.name}" for path in root.glob("*/*")}

    def is_clean(self) -> bool:
        """Whether the store is whole, with no image and, after pruning, nothing else."""
        assert self("fsck").stdout == ""
        self("prune")
        return not self.blobs() and not list((self.store / "content/ingest").iterdir())
