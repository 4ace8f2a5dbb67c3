"""Places over which overlays can be mounted, wherever the directory for temporary files lies."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["overlay_place"]

_TRY = """
mkdir l u w m && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w overlay m
status=$?
umount m 2>/dev/null
rm -r l u w m
exit $status
"""


@contextmanager
def overlay_place(path: Path) -> Iterator[Path]:
    """The empty directory `path`, made; a file system in memory is mounted on it if its own carries no overlay."""
    path.mkdir()
    tried = subprocess.run(["unshare", "--mount", "sh", "-c", _TRY], cwd=path, capture_output=True, check=False)
    if not tried.returncode:
        yield path
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)
