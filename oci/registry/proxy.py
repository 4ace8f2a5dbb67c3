"""Proxies, as the environment names them: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, in either case of letters."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from yarl import URL

from firkin.errors import ConfigError
from firkin.oci.registry.endpoint import is_loopback

__all__ = ["proxy_for"]


def proxy_for(url: URL, environment: Mapping[str, str]) -> URL | None:
    """The proxy that requests to `url` go through, None for none. This machine itself is never asked through one.

    NO_PROXY is a list of host names (which also stand for all names below), addresses, networks as `10.0.0.0/8`, each
    with an optional port, or `*`. Raises ConfigError for a proxy that is none.
    """
    host = url.host or ""
    if is_loopback(url.host_subcomponent or ""):
        return None
    if _is_excepted(host, url.port, _value("no_proxy", environment)):
        return None
    name = f"{url.scheme}_proxy"
    text = _value(name, environment) or _value("all_proxy", environment)
    if not text:
        return None
    try:
        proxy = URL(text if "://" in text else f"http://{text}")
    except ValueError:
        proxy = URL()
    if proxy.scheme not in ("http", "https") or not proxy.host:
        raise ConfigError(name.upper(), "is not http[s]://[USER:PASSWORD@]HOST[:PORT]", document="environment")
    return proxy


def _value(name: str, environment: Mapping[str, str]) -> str:
    # A CGI server puts what its client says into HTTP_PROXY; whoever runs as such has REQUEST_METHOD.
    upper = "" if name == "http_proxy" and "REQUEST_METHOD" in environment else environment.get(name.upper(), "")
    return environment.get(name, "") or upper


def _is_excepted(host: str, port: int | None, exceptions: str) -> bool:
    return any(_matches(host, port, item.strip().lower()) for item in exceptions.split(",") if item.strip())


def _matches(host: str, port: int | None, item: str) -> bool:
    if item == "*":
        return True
    name, colon, wanted = item.rpartition(":")
    if colon and wanted.isdigit() and (":" not in name or name.endswith("]")):
        if port != int(wanted):
            return False
        item = name
    item = item.strip("[]")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        item = item.removeprefix("*").removeprefix(".")
        return bool(item) and (host == item or host.endswith(f".{item}"))
    try:
        return address in ipaddress.ip_network(item, strict=False)
    except ValueError:
        return False
