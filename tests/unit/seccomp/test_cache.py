"""Compiled filters are kept, found again, and never trusted blindly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from firkin.errors import ConfigError
from firkin.oci.record import replace
from firkin.oci.runtime_spec import Seccomp, Syscall, SyscallArg
from firkin.runtime.seccomp import Filter, cache, compile
from tests.support.seccomp_profile import ALLOWED, profile

DIRECTORY_LIMIT = 64


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state" / ".cache" / "seccomp"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Seccomp]:
    """The profiles that were compiled, in order; the compiler itself is the real one."""
    seen: list[Seccomp] = []
    real = compile.compile_filter

    def spy(seccomp: Seccomp) -> Filter:
        seen.append(seccomp)
        return real(seccomp)

    monkeypatch.setattr(compile, "compile_filter", spy)
    return seen


def small(**changes: object) -> Seccomp:
    return profile(syscalls=[{"names": ["mount", "no_such_call"], "action": "SCMP_ACT_TRAP"}], **changes)


def fields(made: Filter) -> tuple[bytes, int, bool, tuple[str, ...]]:
    return made.program, made.flags, made.notify, made.warnings


def test_a_profile_is_compiled_once(directory: Path, compiled: list[Seccomp]) -> None:
    first = cache.filter_for(small(), str(directory))
    second = cache.filter_for(small(), str(directory))
    assert len(compiled) == 1
    assert fields(first) == fields(second)
    assert len(second.warnings) == 1


def test_without_directory_a_profile_is_compiled_each_time(compiled: list[Seccomp]) -> None:
    cache.filter_for(small(), None)
    cache.filter_for(small(), None)
    assert len(compiled) == 2


def test_flags_and_notification_are_kept(directory: Path, compiled: list[Seccomp]) -> None:
    seccomp = Seccomp(
        default_action="SCMP_ACT_ALLOW",
        flags=("SECCOMP_FILTER_FLAG_LOG",),
        listener_path="/run/agent",
        syscalls=(Syscall(names=("mkdir", "mkdirat"), action="SCMP_ACT_NOTIFY"),),
    )
    made = [cache.filter_for(seccomp, str(directory)) for _ in range(2)]
    assert len(compiled) == 1
    assert [(one.flags, one.notify) for one in made] == [(2 | 8, True)] * 2


def test_files_and_directories_are_for_their_owner_only(directory: Path) -> None:
    cache.filter_for(small(), str(directory))
    (file,) = directory.iterdir()
    assert file.name == cache.profile_key(small())
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.stat().st_mode & 0o777 for path in (directory, *directory.parents[:2])] == [0o700] * 3


def record(**fields: Any) -> Seccomp:
    return Seccomp(**fields)


BASE: dict[str, Any] = {
    "default_action": "SCMP_ACT_ERRNO",
    "default_errno_ret": 1,
    "architectures": ("SCMP_ARCH_X86",),
    "flags": (),
    "syscalls": (Syscall(names=("read", "write"), action="SCMP_ACT_TRACE", errno_ret=1),),
}


def condition(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"index": 1, "value": 2, "value_two": 3, "op": "SCMP_CMP_MASKED_EQ", **changes}
    arg = SyscallArg(**fields)
    return {"syscalls": (Syscall(names=("read",), action="SCMP_ACT_TRACE", args=(arg,)),)}


@pytest.mark.parametrize(
    "changes",
    [
        {"default_action": "SCMP_ACT_TRACE"},
        {"default_errno_ret": 2},
        {"default_errno_ret": None},
        {"architectures": ()},
        {"flags": ("SECCOMP_FILTER_FLAG_LOG",)},
        {"syscalls": ()},
        {"syscalls": (Syscall(names=("read",), action="SCMP_ACT_TRACE", errno_ret=1),)},
        {"syscalls": (Syscall(names=("read", "write"), action="SCMP_ACT_ERRNO", errno_ret=1),)},
        {"syscalls": (Syscall(names=("read", "write"), action="SCMP_ACT_TRACE", errno_ret=2),)},
        condition(),
        condition(index=0),
        condition(value=0),
        condition(value_two=0),
        condition(op="SCMP_CMP_EQ"),
    ],
)
def test_every_field_that_decides_about_the_filter_is_in_the_key(changes: dict[str, object]) -> None:
    others = [BASE, *([{**BASE, **condition()}] if changes != condition() else [])]
    keys = {cache.profile_key(record(**other)) for other in others}
    assert cache.profile_key(record(**{**BASE, **changes})) not in keys


def test_absent_flags_are_not_empty_flags() -> None:
    absent = {name: value for name, value in BASE.items() if name != "flags"}
    assert cache.profile_key(record(**absent)) != cache.profile_key(record(**BASE))


def test_what_the_listener_is_told_is_not_in_the_key() -> None:
    with_listener = {**BASE, "listener_path": "/run/agent", "listener_metadata": "x"}
    assert cache.profile_key(record(**with_listener)) == cache.profile_key(record(**BASE))


def test_the_key_does_not_depend_on_which_strings_are_one_object() -> None:
    copies = ["".join(list(name)) for name in ALLOWED]
    keys = {
        cache.profile_key(profile(syscalls=[{"names": names + names[:3], "action": "SCMP_ACT_LOG"}]))
        for names in (ALLOWED, copies)
    }
    assert len(keys) == 1


@pytest.mark.parametrize("cut", [0, 1, 8, 24, 60, 80, -8, -1])
def test_a_torn_file_is_compiled_again_and_replaced(directory: Path, compiled: list[Seccomp], cut: int) -> None:
    good = cache.filter_for(small(), str(directory))
    (file,) = directory.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:cut])
    assert fields(cache.filter_for(small(), str(directory))) == fields(good)
    assert len(compiled) == 2
    assert file.read_bytes() == whole


@pytest.mark.parametrize("at", [0, 9, 24, 30, 44, 90, -9, -1])
def test_a_file_with_one_changed_bit_is_compiled_again(directory: Path, compiled: list[Seccomp], at: int) -> None:
    good = cache.filter_for(small(), str(directory))
    (file,) = directory.iterdir()
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)
    assert fields(cache.filter_for(small(), str(directory))) == fields(good)
    assert len(compiled) == 2


def test_a_file_that_goes_on_behind_its_end_is_compiled_again(directory: Path, compiled: list[Seccomp]) -> None:
    cache.filter_for(small(), str(directory))
    (file,) = directory.iterdir()
    file.write_bytes(file.read_bytes() + bytes(8))
    cache.filter_for(small(), str(directory))
    assert len(compiled) == 2


def test_a_good_file_under_the_name_of_another_profile_is_not_taken(directory: Path, compiled: list[Seccomp]) -> None:
    cache.filter_for(small(), str(directory))
    other = small(defaultErrnoRet=5)
    (directory / cache.profile_key(small())).rename(directory / cache.profile_key(other))
    cache.filter_for(other, str(directory))
    assert len(compiled) == 2


def test_a_filter_of_another_libseccomp_is_compiled_again(
    directory: Path, compiled: list[Seccomp], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    library = tmp_path / "libseccomp.so.2"
    library.write_bytes(b"one")
    monkeypatch.setattr("firkin.runtime.seccomp.libseccomp.library_path", lambda: str(library))
    for _ in range(2):
        cache.filter_for(small(), str(directory))
    assert len(compiled) == 1
    library.write_bytes(b"another")
    for _ in range(2):
        cache.filter_for(small(), str(directory))
    assert len(compiled) == 2
    library.unlink()
    cache.filter_for(small(), str(directory))
    assert len(compiled) == 3


def test_a_filter_is_not_kept_if_the_library_can_not_be_told(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firkin.runtime.seccomp.libseccomp.library_path", lambda: "")
    assert len(cache.filter_for(small(), str(directory)).warnings) == 1
    assert not directory.exists()


@pytest.mark.parametrize("kind", ["link", "fifo", "directory", "writable"])
def test_only_a_regular_file_that_others_can_not_write_is_taken(
    directory: Path, compiled: list[Seccomp], tmp_path: Path, kind: str
) -> None:
    cache.filter_for(small(), str(directory))
    (file,) = directory.iterdir()
    if kind == "writable":
        file.chmod(0o620)
    else:
        file.rename(tmp_path / "elsewhere")
        {"link": lambda: file.symlink_to(tmp_path / "elsewhere"), "fifo": lambda: os.mkfifo(file)}.get(
            kind, file.mkdir
        )()
    cache.filter_for(small(), str(directory))
    assert len(compiled) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_a_file_of_another_user_is_not_taken(directory: Path, compiled: list[Seccomp]) -> None:
    cache.filter_for(small(), str(directory))
    (file,) = directory.iterdir()
    os.chown(file, 1, 1)
    cache.filter_for(small(), str(directory))
    assert len(compiled) == 2
    assert file.stat().st_uid == os.geteuid()


def test_a_cache_that_can_not_be_written_is_a_warning(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    made = cache.filter_for(small(), str(blocked / "seccomp"))
    assert made.program
    assert made.warnings[-1] == f"seccomp cache: can not keep {blocked / 'seccomp'}: Not a directory"


def test_a_crashed_writer_leaves_nothing_that_is_taken(directory: Path, compiled: list[Seccomp]) -> None:
    cache.filter_for(small(), str(directory))
    (file,) = directory.iterdir()
    file.rename(directory / f".{file.name}.12345")
    cache.filter_for(small(), str(directory))
    assert len(compiled) == 2


def test_the_oldest_files_make_room(directory: Path) -> None:
    directory.mkdir(parents=True)
    for index in range(DIRECTORY_LIMIT):
        (directory / f"{index:064}").touch()
        os.utime(directory / f"{index:064}", (index, index))
    cache.filter_for(small(), str(directory))
    left = sorted(path.name for path in directory.iterdir())
    assert len(left) == DIRECTORY_LIMIT // 2 + 1
    assert cache.profile_key(small()) in left
    assert f"{0:064}" not in left
    assert f"{DIRECTORY_LIMIT - 1:064}" in left


@pytest.mark.parametrize("kept", [False, True])
def test_notification_needs_the_path_of_a_listener(directory: Path, kept: bool) -> None:
    notifying = Syscall(names=("mkdir", "mkdirat"), action="SCMP_ACT_NOTIFY")
    seccomp = Seccomp(default_action="SCMP_ACT_ALLOW", listener_path="/run/agent", syscalls=(notifying,))
    if kept:
        cache.filter_for(seccomp, str(directory))
    with pytest.raises(ConfigError, match="listenerPath: SCMP_ACT_NOTIFY needs it"):
        cache.filter_for(replace(seccomp, listener_path=""), str(directory))


def test_metadata_without_listener_is_refused(directory: Path) -> None:
    with pytest.raises(ConfigError, match=r"linux\.seccomp\.listenerMetadata"):
        cache.filter_for(small(listenerMetadata="x"), str(directory))


def test_a_hit_imports_neither_libseccomp_nor_the_compiler(directory: Path) -> None:
    script = f"""
import sys
from firkin.oci.runtime_spec import Seccomp, Syscall
from firkin.runtime.seccomp.cache import filter_for
syscall = Syscall(names=("mount",), action="SCMP_ACT_ERRNO")
filter_for(Seccomp(default_action="SCMP_ACT_ALLOW", syscalls=(syscall,)), {str(directory)!r})
print(*sys.modules)
"""
    loaded = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-P", "-c", script], check=True, capture_output=True, text=True)
        loaded.append(set(done.stdout.split()))
    miss, hit = loaded
    assert {"firkin.runtime._seccomp", "firkin.runtime.seccomp.compile"} <= miss
    assert not {"_cffi_backend", "hashlib", "_hashlib", "json"} & hit
    assert {name for name in hit if name.startswith("firkin.runtime.")} == {
        "firkin.runtime.seccomp",
        "firkin.runtime.seccomp.cache",
    }
