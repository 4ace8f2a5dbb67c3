"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os

__all__ = ["write_atomically"]


def write_atomically(path: str, text: str, draft: str = "") -> None:
    """Write a file that is either there as a whole or as it was before, for its owner alone.

    Parameters: `draft` is where it is written first, on the same file system; beside it if that is not given.
    Raises OSError.
    """
    draft = draft or f"{path}.new"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(fd, "w") as file:
            file.write(text)
        os.rename(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
