"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os

__all__ = ["DRAFT", "write_atomically"]

DRAFT = ".new"
"""What the name of a file ends with that is being written."""


def write_atomically(path: str, text: str, mode: int = 0o600) -> None:
    """Write a file that is either there as a whole or as it was before. Raises OSError."""
    draft = path + DRAFT
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(fd, "w") as file:
            file.write(text)
        os.rename(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
