"""Proxies of the environment."""

from __future__ import annotations

import pytest
from yarl import URL

from firkin.errors import ConfigError
from firkin.oci.registry.proxy import proxy_for

_BOTH = {"HTTP_PROXY": "http://one:1", "HTTPS_PROXY": "two:2"}


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("http://a.example", _BOTH, "http://one:1"),
        ("https://a.example", _BOTH, "http://two:2"),
        ("https://a.example", {}, None),
        ("https://a.example", {"ALL_PROXY": "http://all:3"}, "http://all:3"),
        ("https://a.example", {**_BOTH, "https_proxy": "http://small:4"}, "http://small:4"),
        ("http://a.example", {**_BOTH, "REQUEST_METHOD": "GET"}, None),
        ("http://127.0.0.1:5000", _BOTH, None),
        ("http://localhost", _BOTH, None),
        ("http://[::1]:5000", _BOTH, None),
    ],
)
def test_the_proxy_is_that_of_the_scheme(url: str, environment: dict[str, str], proxy: str | None) -> None:
    found = proxy_for(URL(url), environment)
    assert (None if found is None else str(found)) == proxy


@pytest.mark.parametrize(
    ("url", "exceptions", "is_direct"),
    [
        ("http://a.example", "*", True),
        ("http://a.example", "a.example", True),
        ("http://b.a.example", "c.example, a.example", True),
        ("http://b.a.example", ".a.example", True),
        ("http://b.a.example", "*.a.example", True),
        ("http://ba.example", "a.example", False),
        ("http://a.example:81", "a.example:81", True),
        ("http://a.example:82", "a.example:81", False),
        ("http://10.1.2.3", "10.0.0.0/8", True),
        ("http://11.1.2.3", "10.0.0.0/8", False),
        ("http://10.1.2.3", "10.1.2.3", True),
        ("http://[fd00::1]:80", "fd00::/8", True),
        ("http://[fd00::1]:80", "[fd00::1]:80", True),
        ("http://a.example", "", False),
    ],
)
def test_exceptions_are_asked_directly(url: str, exceptions: str, is_direct: bool) -> None:
    assert (proxy_for(URL(url), {**_BOTH, "NO_PROXY": exceptions}) is None) is is_direct


@pytest.mark.parametrize("value", ["socks5://a:1", "http://", "http://[::1"])
def test_a_proxy_that_is_none_is_named_without_its_password(value: str) -> None:
    with pytest.raises(ConfigError, match="environment: HTTP_PROXY: is not http"):
        proxy_for(URL("http://a.example"), {"HTTP_PROXY": value})
