"""Files and directories that commands read images from and write them to; `-` is standard input or output."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from firkin.errors import KernelError, UsageError
from firkin.oci.archive.new_file import new_file
from firkin.oci.archive.sink import DirectorySink, TarSink
from firkin.oci.archive.spool import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from firkin.oci.archive.sink import Sink
    from firkin.oci.archive.source import Source
    from firkin.runtime.images.progress import Meter

__all__ = ["opened", "written"]


@contextmanager
def opened(path: str, scratch: str, meter: Meter) -> Iterator[Source]:
    """The source at `path`. Raises as `open_source`, and UsageError for a terminal."""
    if path == "-":
        if os.isatty(0):
            raise UsageError("import: standard input is a terminal", hint="pipe an archive into it")
        fd, name = os.dup(0), "standard input"
    else:
        try:
            fd, name = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY), path
        except OSError as error:
            raise KernelError(f"open {path}", error.errno or 0) from error
    try:
        with open_source(fd, name, scratch, progress=meter.laid_down) as source:
            yield source
    finally:
        os.close(fd)


@contextmanager
def written(path: str, *, is_directory: bool) -> Iterator[Sink]:
    """What takes an image at `path`; a failure leaves nothing there. Raises as the sinks, and UsageError."""
    if is_directory:
        if path == "-":
            raise UsageError("export: a directory can not be written to standard output", hint="see --format")
        sink = DirectorySink(path)
        try:
            yield sink
        except BaseException:
            shutil.rmtree(path)
            raise
    elif path == "-":
        if os.isatty(1):
            raise UsageError("export: standard output is a terminal", hint="send it to a file or a pipe")
        try:
            yield from _archived(1, "standard output")
        except KernelError as error:
            if error.errno == errno.EPIPE:
                # Whoever reads has enough.
                raise BrokenPipeError from error
            raise
    else:
        with new_file(path) as fd:
            yield from _archived(fd, path)


def _archived(fd: int, name: str) -> Iterator[Sink]:
    tar = TarSink(fd, name)
    yield tar
    tar.finish()
