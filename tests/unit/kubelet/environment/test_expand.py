"""$(NAME) is replaced as Kubernetes does: escapes, what is unknown, what is not complete."""

from __future__ import annotations

import pytest

from firkin.kubelet.environment.expand import expand, references

KNOWN = {"A": "1", "B": "two", "EMPTY": "", "DOLLAR": "$(A)", "with space": "x"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("$(A)", "1"),
        ("x$(A)y$(B)z", "x1ytwoz"),
        ("$(EMPTY)", ""),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$$$$(A)", "$$(A)"),
        ("$", "$"),
        ("a$", "a$"),
        ("$$", "$"),
        ("$A", "$A"),
        ("$(A", "$(A"),
        ("$(A$(B)", "$(A$(B)"),
        ("$()", "$()"),
        ("$(DOLLAR)", "$(A)"),
        ("$(with space)", "x"),
        ("$x$(A)", "$x1"),
        ("$(A))", "1)"),
        ("é$(B)€", "étwo€"),
    ],
)
def test_references_are_replaced(text: str, expected: str) -> None:
    assert expand(text, KNOWN.get) == expected


def test_the_names_of_references_are_told() -> None:
    assert references("$(A)-$$(B)-$(C)$(A)") == ["A", "C", "A"]
