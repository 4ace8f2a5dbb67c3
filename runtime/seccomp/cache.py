"""Compiled filters, kept in a directory under the digest of their profile.

A file is a header, the path of the libseccomp that made it, the warnings, and the program. It counts only if its
checksum holds, if it belongs to us, and if that libseccomp is still the same file: a library update or a torn write
costs one compilation, and never gives a wrong filter. Nothing here imports libseccomp or the compiler on a hit.
"""

from __future__ import annotations

import os
import sys
from _struct import Struct
from marshal import dumps

from firkin.errors import ConfigError
from firkin.runtime.seccomp import Filter

try:
    from _blake2 import blake2b  # hashlib loads OpenSSL, which takes longer than a container start
except ImportError:
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.runtime_spec import Seccomp, SyscallArg

__all__ = ["filter_for", "profile_key"]

# What the compiler makes of a profile; raise it with every change that changes programs.
_COMPILER = 1

_MAGIC = b"firkinS1"
_CHECKSUM_SIZE = 16
# flags, notify, lengths of path, warnings and program, then device, inode, size and mtime (ns) of libseccomp
_HEADER = Struct("=IIIII4x4Q")
_START = len(_MAGIC) + _CHECKSUM_SIZE
_MAX_PROGRAM = 4096 * 8
_MAX_FILE = _MAX_PROGRAM + (64 << 10)
_MAX_FILES = 64

# A server starts containers with the same profile again and again.
_last: tuple[Seccomp, str, Filter] | None = None


def filter_for(seccomp: Seccomp, cache_dir: str | None) -> Filter:
    """The filter of a profile, from the cache or compiled, and then kept there.

    Parameters: `cache_dir` is made (0700) when the first filter is kept; None compiles always. A cache that can not
    be written is a warning of the filter, for the container can start without.
    Raises ConfigError with the JSON path of what is wrong in the profile, KernelError if libseccomp fails.
    """
    global _last
    if cache_dir is None:
        return _checked(seccomp, _compiled(seccomp))
    if _last is not None and _last[0] is seccomp and _last[1] == cache_dir:
        return _last[2]
    key = profile_key(seccomp)
    found = _load(cache_dir, key)
    if found is not None:
        _last = seccomp, cache_dir, _checked(seccomp, found)
        return found
    made = _compiled(seccomp)
    try:
        _keep(cache_dir, key, made)
    except OSError as error:
        made.warnings += (f"seccomp cache: can not keep {error.filename or cache_dir}: {error.strerror}",)
    return _checked(seccomp, made)


def profile_key(seccomp: Seccomp) -> str:
    """The name of a profile's filter: a digest of all that decides about it, but for libseccomp itself."""
    syscalls = [
        (syscall.names, syscall.action, syscall.errno_ret, [_argument(arg) for arg in syscall.args])
        for syscall in seccomp.syscalls
    ]
    # What an absent `flags` means is not what an empty one means.
    flags = seccomp.flags if "flags" in vars(seccomp) else None
    content = (
        _COMPILER,
        os.uname().machine,
        sys.maxsize,
        seccomp.default_action,
        seccomp.default_errno_ret,
        seccomp.architectures,
        flags,
        syscalls,
    )
    # Version 0 has no references, which would make the bytes depend on which strings are the same object.
    return blake2b(dumps(content, 0), digest_size=32).hexdigest()


def _argument(arg: SyscallArg) -> tuple[int, int, int, str]:
    return arg.index, arg.value, arg.value_two, arg.op


def _compiled(seccomp: Seccomp) -> Filter:
    from firkin.runtime.seccomp.compile import compile_filter

    return compile_filter(seccomp)


def _checked(seccomp: Seccomp, made: Filter) -> Filter:
    if made.notify and not seccomp.listener_path:
        raise ConfigError("linux.seccomp.listenerPath", "SCMP_ACT_NOTIFY needs it")
    if seccomp.listener_metadata and not seccomp.listener_path:
        raise ConfigError("linux.seccomp.listenerMetadata", "must not be set without listenerPath")
    return made


def _load(cache_dir: str, key: str) -> Filter | None:
    try:
        # O_NONBLOCK: a fifo in the file's place must not hold the start up.
        fd = os.open(f"{cache_dir}/{key}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        if status.st_mode & 0o170022 != 0o100000 or status.st_uid not in (0, os.geteuid()):
            return None
        return _decode(os.read(fd, _MAX_FILE + 1), key)
    finally:
        os.close(fd)


def _decode(data: bytes, key: str) -> Filter | None:
    body = data[_START:]
    if not _START + _HEADER.size <= len(data) <= _MAX_FILE or data[:_START] != _MAGIC + _checksum(body, key):
        return None
    flags, notify, path_length, warnings_length, size, *library = _HEADER.unpack_from(body)
    path_end = _HEADER.size + path_length
    warnings_end = path_end + warnings_length
    program = body[warnings_end:]
    if len(program) != size or size % 8 or not 0 < size <= _MAX_PROGRAM:
        return None
    if _identity(os.fsdecode(body[_HEADER.size : path_end])) != tuple(library):
        return None
    warnings = body[path_end:warnings_end].decode("utf-8", "surrogatepass")
    return Filter(program, flags, bool(notify), tuple(warnings.split("\0")) if warnings else ())


def _encode(made: Filter, key: str) -> bytes | None:
    # None if nothing could tell later that libseccomp is another.
    from firkin.runtime.seccomp.libseccomp import library_path

    path = library_path()
    library = _identity(path)
    if library is None:
        return None
    warnings = "\0".join(made.warnings).encode("utf-8", "surrogatepass")
    lengths = (len(os.fsencode(path)), len(warnings), len(made.program))
    body = _HEADER.pack(made.flags, made.notify, *lengths, *library) + os.fsencode(path) + warnings + made.program
    return _MAGIC + _checksum(body, key) + body


def _checksum(body: bytes, key: str) -> bytes:
    return blake2b(body, digest_size=_CHECKSUM_SIZE, key=key.encode()).digest()


def _identity(path: str) -> tuple[int, int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _keep(cache_dir: str, key: str, made: Filter) -> None:
    data = _encode(made, key)
    if data is None or len(data) > _MAX_FILE:
        return
    _make_directory(cache_dir)
    _make_room(cache_dir)
    temporary = f"{cache_dir}/.{key}.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)
    os.rename(temporary, f"{cache_dir}/{key}")


def _make_directory(path: str) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        _make_directory(os.path.dirname(path))
        os.mkdir(path, 0o700)


def _make_room(cache_dir: str) -> None:
    files = [(entry.stat(follow_symlinks=False).st_mtime_ns, entry.path) for entry in os.scandir(cache_dir)]
    if len(files) >= _MAX_FILES:
        for _, path in sorted(files)[: len(files) // 2]:
            os.unlink(path)
