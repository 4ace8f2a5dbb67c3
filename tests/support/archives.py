"""Archives for tests of layers: well-formed ones by `tarfile`, and ones that no program would write."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firkin.oci.layers.unpack import DEFAULT_LIMITS, Limits, Unpacked, unpack

__all__ = ["Archive", "described", "unpack_bytes"]


class Archive:
    """A tar archive that is put together entry by entry; its methods give it back, to be chained."""

    def __init__(self, format: int = tarfile.PAX_FORMAT) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w", format=format)

    def add(self, name: str, data: bytes = b"", *, kind: bytes = tarfile.REGTYPE, **attributes: Any) -> Archive:
        """An entry; `attributes` are those of TarInfo, such as mode, uid, mtime, linkname, pax_headers."""
        info = tarfile.TarInfo(name)
        info.type = kind
        info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
        info.mtime = 1_000_000_000
        info.size = len(data)
        for key, value in attributes.items():
            setattr(info, key, value)
        self._tar.addfile(info, io.BytesIO(data))
        return self

    def directory(self, name: str, **attributes: Any) -> Archive:
        """A directory."""
        return self.add(name, kind=tarfile.DIRTYPE, **attributes)

    def link(self, name: str, target: str) -> Archive:
        """A symbolic link."""
        return self.add(name, kind=tarfile.SYMTYPE, linkname=target)

    def hard_link(self, name: str, target: str) -> Archive:
        """A hard link."""
        return self.add(name, kind=tarfile.LNKTYPE, linkname=target)

    def finish(self) -> bytes:
        """The archive's bytes."""
        self._tar.close()
        return self._buffer.getvalue()


def unpack_bytes(
    data: bytes,
    directory: Path,
    *,
    compression: str = "",
    whiteouts: Any = "overlay",
    limits: Limits = DEFAULT_LIMITS,
    diff_id: str = "",
    inflated: Callable[[bytes], bytes] = lambda data: data,
) -> Unpacked:
    """Unpack a layer's bytes below a directory. `inflated` gives the archive, of which the digest is taken."""
    if compression == "gzip" and not diff_id:
        inflated = gzip.decompress
    diff_id = diff_id or f"sha256:{hashlib.sha256(inflated(data)).hexdigest()}"
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # In pieces that no boundary of the archive knows.
        chunks = [data[start : start + 1000] for start in range(0, len(data), 1000)]
        return unpack(chunks, compression, diff_id, fd, whiteouts=whiteouts, name="layer x", limits=limits)
    finally:
        os.close(fd)


def described(directory: Path) -> dict[str, str]:
    """Every file below, with its kind, mode, owner, size or target, and time."""
    found = {}
    for path in sorted(directory.rglob("*")):
        status = path.lstat()
        what = os.readlink(path) if path.is_symlink() else str(status.st_size if path.is_file() else status.st_rdev)
        owner = f"{status.st_uid}:{status.st_gid}"
        found[str(path.relative_to(directory))] = f"{status.st_mode:o} {owner} {what} {status.st_mtime_ns}"
    return found
