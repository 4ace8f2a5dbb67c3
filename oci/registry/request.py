"""One request, before it is sent."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from yarl import URL

from firkin.errors import ImageError

__all__ = ["FileRange", "Request", "repository_scope"]

_CHUNK = 256 << 10


@dataclass(frozen=True)
class FileRange:
    """A body that is a part of an open file: `length` bytes from `offset`; `advance` hears how many were sent."""

    fd: int
    offset: int
    length: int
    advance: Callable[[int], None]

    def chunks(self) -> Iterator[bytes]:
        """The bytes. Raises ImageError if the file ends before."""
        done = 0
        while done < self.length:
            data = os.pread(self.fd, min(_CHUNK, self.length - done), self.offset + done)
            if not data:
                raise ImageError(f"read: the file ends at byte {self.offset + done}, before what is to be sent")
            done += len(data)
            yield data
            self.advance(len(data))


@dataclass(frozen=True)
class Request:
    """A request to `url`.

    Parameters: `what` is the operation and the image, for errors; `scopes` is what a token has to permit;
    `extra_scopes` is what it has to permit beyond what the registry itself asks for.
    """

    method: str
    url: URL
    what: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | FileRange = b""
    scopes: tuple[str, ...] = ()
    extra_scopes: tuple[str, ...] = ()


def repository_scope(path: str, *actions: str) -> str:
    """What a token has to permit for actions (`pull`, `push`, `delete`) on a repository."""
    return f"repository:{path}:{','.join(actions)}"
