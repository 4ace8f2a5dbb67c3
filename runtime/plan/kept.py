"""Plans that are kept, so that the next container of the same configuration needs no interpreter.

csrc/plan_kept.h says what a file of them holds, and when it counts; csrc/front_run.c uses them. A plan is kept when its
configuration is seen a second time: the configurations of engines name their container, and come once.
"""

from __future__ import annotations

import os
from _struct import Struct

from firkin.runtime._native import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firkin.oci.runtime_spec import Config
    from firkin.runtime.compile.request import Host, Request

    Compile = Callable[[Config, Request, Host], tuple[bytes, list[str]]]

__all__ = ["Keeper"]

_VERSION = b"1"
# struct kept_header: magic, sizes of facts, files, key and plan, the marks of id, time and path.
_HEADER = Struct("<8s4I64s30s2x256s")
_MAGIC = b"firkinP1"
_LARGEST_CONFIG = 1 << 20
_MOST_FACTS = 1024
_MAX_FILES = 64
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Keeper:
    """Keeps the plan of one container's configuration, if that can be of use to others.

    Parameters: `request` is that of the container; `config` and `host` are what its plan is made of.
    """

    def __init__(self, config: Config, request: Request, host: Host) -> None:
        self._config = config
        self._request = request
        self._host = host
        self._directory = f"{request.state_root}/.cache/plans"

    def may_keep(self) -> bool:
        """Whether the plan depends on nothing but the configuration, the options that the front knows, and the host."""
        config, request = self._config, self._request
        if config.process is None or config.process.terminal or "hooks" in vars(config):
            return False
        if request.console_socket or request.preserve_fds or request.scope or request.trees or request.holding:
            return False
        if not request.keyring or not request.pivot or request.nursery or "LISTEN_FDS" in os.environ:
            return False
        return len(request.config) < _LARGEST_CONFIG and len(request.pid_file) <= 256

    def keep(self, compile: Compile) -> None:
        """Keep the plan that `compile` makes, unless it is here already, or its configuration is seen the first time.

        Raises OSError where files can't be written.
        """
        key = self._key()
        path = f"{self._directory}/{lib.kept_name(key, len(key)):016x}"
        if self._is_first(path) or self._is_here(key):
            return
        content = self._content(key, compile)
        if content:
            temporary = f"{path}.{os.getpid()}"
            fd = os.open(temporary, _NEW, 0o600)
            try:
                os.write(fd, content)
            finally:
                os.close(fd)
            os.rename(temporary, path)

    def _key(self) -> bytes:
        request = self._request
        kind = b"f" if request.foreground else b"d" if request.run else b"c"
        flags = kind + (b"p" if request.pid_file else b"-")
        return b"\0".join((_VERSION, flags, *map(os.fsencode, (request.state_root, request.bundle)), request.config))

    def _is_first(self, path: str) -> bool:
        try:
            os.close(os.open(path, _NEW, 0o600))
        except FileExistsError:
            return False
        except FileNotFoundError:
            os.makedirs(self._directory, 0o700, exist_ok=True)
            return self._is_first(path)
        # Now and then, as a look at them all costs more than one more of them.
        if path.endswith("0"):
            self._make_room()
        return True

    def _make_room(self) -> None:
        files = sorted(
            (entry.stat(follow_symlinks=False).st_mtime_ns, entry.path) for entry in os.scandir(self._directory)
        )
        for _, path in files[:-_MAX_FILES]:
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue

    def _is_here(self, key: bytes) -> bool:
        kept = ffi.new("struct kept_plan *")
        found: bool = lib.kept_open(kept, os.fsencode(self._request.state_root), key, len(key)) == 0
        if found:
            lib.kept_close(kept)
        return found

    def _content(self, key: bytes, compile: Compile) -> bytes:
        facts, files = _facts(), self._files()
        if f"\n{self._host.hierarchy.mount}\n".encode() not in facts or not files:
            return b""
        marks = [os.urandom(size // 2).hex() for size in (64, 30, 256)]
        plan, warnings = compile(self._config, _marked(self._request, *marks), self._host)
        if warnings:
            return b""
        head = _HEADER.pack(_MAGIC, len(facts), len(files), len(key), len(plan), *map(str.encode, marks))
        content = head + facts + files + key
        return content + bytes(-len(content) % 8) + plan

    def _files(self) -> bytes:
        paths = [f"{os.path.dirname(os.path.dirname(os.path.dirname(__file__)))}/modules.bin"]
        if self._config.linux is not None and self._config.linux.seccomp is not None:
            from firkin.runtime.seccomp.libseccomp import library_path

            paths.append(library_path())
        try:
            return b"".join(map(_identity, paths))
        except FileNotFoundError:
            return b""


def _facts() -> bytes:
    text = ffi.new("char[]", _MOST_FACTS)
    size: int = lib.kept_facts(text, _MOST_FACTS)
    return bytes(ffi.buffer(text, max(size, 0)))


def _identity(path: str) -> bytes:
    status = os.stat(path)
    numbers = f"{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns}"
    return f"{numbers} {path}\n".encode("utf-8", "surrogateescape")


def _marked(request: Request, id: str, created: str, pid_file: str) -> Request:
    marked = object.__new__(type(request))
    vars(marked).update(vars(request), id=id, created=created)
    if request.pid_file:
        marked.pid_file = pid_file
    return marked
