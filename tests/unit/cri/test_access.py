"""Who may connect: lists as the kernel has them, and what a directory keeps of the list that it had."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from firkin.cri.access import Access, let_through, resolve
from firkin.cri.acl import EXECUTE, READ, WRITE, Acl, read_acl, write_acl
from firkin.errors import ConfigError, KernelError

OWNER = READ | WRITE | EXECUTE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir(0o700)
    return path


def test_the_form_of_a_list() -> None:
    acl = Acl(OWNER, READ, 0)
    assert acl.encode().hex() == "02000000" + "01000700ffffffff" + "04000400ffffffff" + "20000000ffffffff"
    acl.users = {1000: WRITE, 7: READ}
    # Sorted by id, and with a mask that has all that is given.
    assert acl.encode().hex() == (
        "02000000" "01000700ffffffff" "0200040007000000" "02000200e8030000" "04000400ffffffff" "10000600ffffffff"
        "20000000ffffffff"
    )  # fmt: skip


def test_a_list_is_read_as_it_was_written(folder: Path) -> None:
    assert read_acl(str(folder)) == Acl(OWNER, 0, 0)
    acl = Acl(OWNER, 0, 0)
    acl.users, acl.groups = {7: READ, 8: EXECUTE}, {9: WRITE | EXECUTE}
    write_acl(str(folder), acl)
    assert read_acl(str(folder)) == acl


def test_a_directory_lets_through_who_is_named_now_and_keeps_what_others_gave(folder: Path) -> None:
    given = Acl(OWNER, 0, 0)
    given.users = {7: READ, 8: EXECUTE}
    write_acl(str(folder), given)
    let_through(str(folder), Access((9,), 10))
    found = read_acl(str(folder))
    assert (found.users, found.groups) == ({7: READ, 9: EXECUTE}, {10: EXECUTE})
    let_through(str(folder), Access())
    found = read_acl(str(folder))
    assert (found.users, found.groups) == ({7: READ}, {})


def test_a_directory_that_needs_no_change_is_not_changed(folder: Path) -> None:
    let_through(str(folder), Access())
    folder.chmod(0o711)
    let_through(str(folder), Access((9,)))
    assert os.listxattr(folder) == []


def test_a_file_system_without_lists_is_named(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match="set the access control list of /proc/self/status"):
        write_acl("/proc/self/status", Acl(OWNER, 0, 0))


def test_names_and_numbers_of_users_and_groups() -> None:
    assert resolve(("root", "1234"), "root") == Access((0, 1234), 0)
    assert resolve((), "") == Access()
    for users, group, place in ((("root", "no such user"), "", "socket_users[1]"), ((), "none such", "socket_group")):
        with pytest.raises(ConfigError) as found:
            resolve(users, group)
        assert f"configuration: cri.{place}: there is no " in str(found.value)
