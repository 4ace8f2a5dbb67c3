"""Where an answer may send us."""

from __future__ import annotations

import pytest
from yarl import URL

from firkin.errors import RegistryError
from firkin.oci.registry.redirect import target


@pytest.mark.parametrize(
    ("base", "location", "found"),
    [
        ("https://a/v2/x", "/y?z=%2F%7E+1", "https://a/y?z=%2F%7E+1"),
        ("https://a/v2/x", "y", "https://a/v2/y"),
        ("https://a/v2/x", "//b/y", "https://b/y"),
        ("https://a/v2/x", "https://b:8443/y#part", "https://b:8443/y"),
        ("http://a/", "https://a/", "https://a/"),
        ("http://a/", "http://b/", "http://b/"),
    ],
)
def test_an_address_stays_as_it_is(base: str, location: str, found: str) -> None:
    assert str(target(URL(base), location, "blob")) == found


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("", "does not say where to"),
        ("http://b/", "without TLS"),
        ("file:///etc/passwd", "which is not http"),
        ("gopher://b/", "which is not http"),
        ("javascript:1", "which is not http"),
        ("https://user@b/", "which is not http"),
        ("https://b:0x/", "which is no address"),
        ("/a\r\nX: y", "which is no address"),
        ("/\x1b[2J", "which is no address"),
        ("/ü", "which is no address"),
        ("/" + "a" * 9000, "which is no address"),
    ],
)
def test_another_one_is_refused_in_printable_words(location: str, reason: str) -> None:
    with pytest.raises(RegistryError, match=reason) as raised:
        target(URL("https://a.example/v2/x"), location, "blob")
    text = str(raised.value)
    assert text.startswith("blob: a.example: ") and text.isprintable() and len(text) < 300
