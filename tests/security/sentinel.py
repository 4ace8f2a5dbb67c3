"""A place on the host that no container may see, write to, or mount on."""

from __future__ import annotations

import os
from pathlib import Path

SECRET = "content of the host"


class Sentinel:
    """A directory on the host with a file and a directory; `check` fails if anything about them has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "directory").mkdir(parents=True)
        (path / "file").write_text(SECRET)
        self._before = self._entries()

    def check(self) -> None:
        """Fail unless entries, owners, modes and content are as they were, and nothing is mounted here."""
        assert self._entries() == self._before
        assert (self.path / "file").read_text() == SECRET
        points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        assert [point for point in points if Path(point).is_relative_to(self.path)] == []

    def _entries(self) -> dict[str, tuple[int, int, int, int]]:
        found = {}
        for place in (self.path, *sorted(self.path.rglob("*"))):
            status = os.lstat(place)
            found[str(place)] = (status.st_ino, status.st_mode, status.st_uid, status.st_mtime_ns)
        return found
