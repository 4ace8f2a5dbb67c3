"""Names of units, also hostile ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.cgroupfs.systemd.names import check_unit, escape, scope_name, slice_path, split_cgroups_path
from firkin.errors import CgroupPathError


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("system.slice", "system.slice"),
        ("a-b.slice", "a.slice/a-b.slice"),
        ("user-1000-x.slice", "user.slice/user-1000.slice/user-1000-x.slice"),
        ("-.slice", ""),
        ("kubepods-besteffort-pod1_2.slice",
         "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice"),
    ],
)  # fmt: skip
def test_dashes_of_a_slice_tell_where_it_lies(name: str, path: str) -> None:
    assert slice_path(name) == path


@pytest.mark.parametrize(
    "name",
    ["", ".slice", "a", "a.scope", "--.slice", "-a.slice", "a-.slice", "a--b.slice", "a/b.slice", "../a.slice",
     "a b.slice", "a\0.slice", "a\n.slice", "a@b.slice", "a.slice/", "é.slice", "a" * 250 + ".slice", "..slice"],
)  # fmt: skip
def test_what_names_no_slice_is_refused(name: str) -> None:
    with pytest.raises(CgroupPathError):
        slice_path(name)


@pytest.mark.parametrize(
    "name",
    ["", ".scope", "..scope", "...scope", "a.slice", "a/b.scope", "../../x.scope", "a b.scope", "a+b.scope",
     "a%n.scope", "@.scope", "a@.scope", "@b.scope", "a\0.scope", "a\r\nb.scope", "\u202e.scope", "a" * 250 + ".scope"],
)  # fmt: skip
def test_what_names_no_scope_is_refused(name: str) -> None:
    with pytest.raises(CgroupPathError):
        check_unit(name, ".scope")


@pytest.mark.parametrize("name", ["a.scope", "a-b.scope", "a@b.scope", "a.b.scope", "a:b_c\\x2d.scope", "-.scope"])
def test_names_of_scopes(name: str) -> None:
    check_unit(name, ".scope")


def test_a_long_name_is_not_repeated_in_full() -> None:
    with pytest.raises(CgroupPathError, match="longer than 255") as caught:
        check_unit("x" * 100_000 + ".scope", ".scope")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("system.slice:docker:abc", ("system.slice", "docker-abc.scope")),
        ("user-1000.slice:libpod:abc", ("user-1000.slice", "libpod-abc.scope")),
        (":docker:abc", ("system.slice", "docker-abc.scope")),
        ("machine.slice::abc", ("machine.slice", "abc.scope")),
        ("-.slice:a:b", ("-.slice", "a-b.scope")),
        ("", ("system.slice", "firkin-x.scope")),
    ],
)
def test_slice_prefix_and_name_are_a_scope_in_a_slice(asked: str, found: tuple[str, str]) -> None:
    assert split_cgroups_path(asked, "x") == found


def test_a_user_has_a_slice_of_the_same_kind() -> None:
    assert split_cgroups_path("", "x", user=True) == ("user.slice", "firkin-x.scope")
    assert split_cgroups_path(":a:b", "x", user=True) == ("user.slice", "a-b.scope")
    assert split_cgroups_path("own.slice:a:b", "x", user=True) == ("own.slice", "a-b.scope")


@pytest.mark.parametrize("asked", ["/a/b", "a", "a:b", "a.slice:b:c:d", "a.slice:b:", "a:b:c", "a.slice:../b:c", "::"])
def test_other_forms_are_refused(asked: str) -> None:
    with pytest.raises(CgroupPathError):
        split_cgroups_path(asked, "x")


def test_of_an_id_is_escaped_what_no_unit_can_hold() -> None:
    assert escape("a+b-c_d.e") == "a\\x2bb-c_d.e"
    assert escape("é\\") == "\\xc3\\xa9\\x5c"
    assert split_cgroups_path("", "a+b")[1] == "firkin-a\\x2bb.scope"


@given(st.text(max_size=20))
def test_a_scope_is_one_file_in_its_directory_or_refused(name: str) -> None:
    try:
        unit = scope_name("p", name)
    except CgroupPathError:
        return
    assert "/" not in unit and "\0" not in unit and unit.isprintable() and unit not in (".", "..")


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_different_ids_have_different_scopes(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) is (one == other)
    check_unit(f"firkin-{escape(one)}.scope", ".scope")
