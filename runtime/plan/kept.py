"""Plans that are kept, so that the next command of the same kind needs no interpreter.

csrc/plan_kept.h says what a file of them holds, and when it counts; csrc/front_spawn.c uses them. A plan is kept when
it is wished for a second time: the configurations of engines name their container, and come once.
"""

from __future__ import annotations

import os
from _struct import Struct

from firkin.runtime._native import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firkin.oci.runtime_spec import Linux

    Compile = Callable[["Marks"], tuple[bytes, list[str]]]

__all__ = ["VERSION", "Marks", "Shelf", "is_activated"]

VERSION = b"1"
"""Of what the compiler makes; the first part of a key."""
# struct kept_header: magic, sizes of facts, files, key and plan, the marks of id, time and path.
_HEADER = Struct("<8s4I64s30s2x256s")
_MAGIC = b"firkinP1"
_MOST_FACTS = 1024
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def is_activated() -> bool:
    """Whether sockets of activation are passed on, which no plan that is kept knows of."""
    return "LISTEN_FDS" in os.environ


class Marks:
    """What stands in a kept plan for values of the next time: texts drawn by lot, which nothing else can contain."""

    def __init__(self) -> None:
        self.id = os.urandom(32).hex()
        self.created = os.urandom(15).hex()
        self.pid_file = os.urandom(128).hex()


class Shelf:
    """A directory that has kept plans, and perhaps other files.

    Parameters: `most` is the number of plans after which the oldest are removed, now and then.
    """

    def __init__(self, directory: str, most: int) -> None:
        self._directory = directory
        self._most = most

    def keep(self, key: bytes, compile: Compile, mount: str, linux: Linux | None) -> None:
        """Keep the plan that `compile` makes, unless it is here already, or wished for the first time.

        Parameters: `key` is the wish, as the front makes it; `compile` makes the plan and warnings, with which it is
        not kept; `mount` is that of cgroup v2, `linux` the container's configuration.
        Raises OSError where files can't be written, FileNotFoundError without the directory.
        """
        path = f"{self._directory}/plan-{lib.kept_name(key, len(key)):016x}"
        if self._is_first(path) or self._is_here(key):
            return
        content = _content(key, compile, mount, linux)
        if content:
            temporary = f"{path}.{os.getpid()}"
            fd = os.open(temporary, _NEW, 0o600)
            try:
                os.write(fd, content)
                os.rename(temporary, path)
            except OSError:
                os.unlink(temporary)
                raise
            finally:
                os.close(fd)

    def _is_first(self, path: str) -> bool:
        try:
            os.close(os.open(path, _NEW, 0o600))
        except FileExistsError:
            return False
        # Now and then, as a look at them all costs more than one more of them.
        if path.endswith("0"):
            self._make_room()
        return True

    def _make_room(self) -> None:
        plans = [file for file in os.scandir(self._directory) if file.name.startswith("plan-")]
        files = sorted((file.stat(follow_symlinks=False).st_mtime_ns, file.path) for file in plans)
        for _, path in files[: -self._most]:
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue

    def _is_here(self, key: bytes) -> bool:
        kept = ffi.new("struct kept_plan *")
        found: bool = lib.kept_open(kept, os.fsencode(self._directory), key, len(key)) == 0
        if found:
            lib.kept_close(kept)
        return found


def _content(key: bytes, compile: Compile, mount: str, linux: Linux | None) -> bytes:
    facts, files, marks = _facts(), _files(linux), Marks()
    if f"\n{mount}\n".encode() not in facts or not files:
        return b""
    plan, warnings = compile(marks)
    if warnings:
        return b""
    texts = (marks.id, marks.created, marks.pid_file)
    head = _HEADER.pack(_MAGIC, len(facts), len(files), len(key), len(plan), *map(str.encode, texts))
    content = head + facts + files + key
    return content + bytes(-len(content) % 8) + plan


def _facts() -> bytes:
    text = ffi.new("char[]", _MOST_FACTS)
    size: int = lib.kept_facts(text, _MOST_FACTS)
    return bytes(ffi.buffer(text, max(size, 0)))


def _files(linux: Linux | None) -> bytes:
    paths = [f"{os.path.dirname(os.path.dirname(os.path.dirname(__file__)))}/modules.bin"]
    if linux is not None and linux.seccomp is not None:
        from firkin.runtime.seccomp.libseccomp import library_path

        paths.append(library_path())
    try:
        return b"".join(map(_identity, paths))
    except FileNotFoundError:
        return b""


def _identity(path: str) -> bytes:
    status = os.stat(path)
    numbers = f"{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns}"
    return f"{numbers} {path}\n".encode("utf-8", "surrogateescape")
