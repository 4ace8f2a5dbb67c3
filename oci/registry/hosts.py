"""The directory of hosts: for each registry its mirrors and how they are trusted.

    DIRECTORY/HOST/hosts.toml

    server = "https://registry.example"
    [host."https://mirror.example"]
      capabilities = ["pull", "resolve"]
      ca = "mirror.crt"
      client = [["client.crt", "client.key"]]
      skip_verify = false
      override_path = false
      dial_timeout = "5s"
      [host."https://mirror.example".header]
        x-team = "cellar"

HOST may be written `HOST:PORT` or `HOST_PORT_`; `_default` stands for all others. The form is that of containerd's
hosts directory (docs/hosts.md there), so that one set of files does for both.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import cast

from yarl import URL

from firkin.errors import ConfigError, KernelError
from firkin.oci.registry.endpoint import CAPABILITIES, Endpoint, default_endpoint, is_loopback

__all__ = ["HOSTS_DIRECTORY", "endpoints"]

HOSTS_DIRECTORY = "/etc/firkin/hosts.d"
"""Where the hosts are configured, if nobody says otherwise."""

_MOST = 1 << 20
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ns|us|µs|ms|s|m|h)")
_DURATIONS = re.compile(rf"(?:{_DURATION.pattern})+")
_LONGEST = 86400
_ENTRY = frozenset({"capabilities", "ca", "client", "skip_verify", "override_path", "header", "dial_timeout"})


def endpoints(host: str, directory: str = HOSTS_DIRECTORY) -> tuple[Endpoint, ...]:
    """The endpoints for images of `host` in the order in which they are tried: mirrors, then the registry itself.

    Raises ConfigError with the file and the key that is wrong, KernelError if the file can not be read.
    """
    for name in _names(host):
        path = f"{directory}/{name}/hosts.toml"
        try:
            with open(path, "rb") as file:
                data = file.read(_MOST + 1)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise KernelError(f"read {path}", error.errno or 0) from error
        return tuple(_decode(data, path, host))
    return (default_endpoint(host),)


def _names(host: str) -> Iterator[str]:
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit():
        yield f"{name}_{port}_"
        yield host
        yield name
    else:
        yield host
    yield "_default"


def _decode(data: bytes, path: str, host: str) -> Iterator[Endpoint]:
    if len(data) > _MOST:
        raise ConfigError("", f"is longer than {_MOST} bytes", document=path)
    try:
        document = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError("", f"is not TOML: {error}", document=path) from None
    _check_keys(document, _ENTRY | {"server", "host"}, "", path)
    hosts = _Keys(document, "", path).table("host")
    for url, entry in hosts.items():
        place = f'host."{url}"'
        if not isinstance(entry, dict):
            raise ConfigError(place, "is not a table", document=path)
        _check_keys(entry, _ENTRY, place, path)
        yield _endpoint(url, _Keys(entry, place, path), host)
    keys = _Keys(document, "", path)
    yield _endpoint(keys.text("server") or default_endpoint(host).url, keys, host)


def _check_keys(table: Mapping[str, object], known: frozenset[str], place: str, path: str) -> None:
    for key in table:
        if key not in known:
            raise ConfigError(f"{place}.{key}".lstrip("."), f"is none of {', '.join(sorted(known))}", document=path)


def _endpoint(text: str, keys: _Keys, host: str) -> Endpoint:
    return Endpoint(
        _url(text, keys),
        namespace=host,
        capabilities=keys.capabilities(),
        ca=tuple(keys.file(name) for name in keys.texts("ca")),
        client=tuple(keys.pairs("client")),
        skip_verify=keys.flag("skip_verify"),
        headers=tuple(keys.headers()),
        dial_timeout=keys.seconds("dial_timeout"),
        place=keys.path,
    )


def _url(text: str, keys: _Keys) -> str:
    if "://" not in text:
        text = f"{'http' if is_loopback(text.partition('/')[0]) else 'https'}://{text}"
    try:
        url = URL(text)
        usable = url.scheme in ("http", "https") and url.host and not (url.user or url.query_string or url.fragment)
    except ValueError:
        usable = False
    if not usable:
        raise keys.wrong("" if keys.place else "server", f"{text!r} is not http[s]://HOST[:PORT][/PATH]")
    text = text.rstrip("/")
    return text if keys.flag("override_path") or text.endswith("/v2") else f"{text}/v2"


class _Keys:
    # One table of the file at `path`; `place` is its name in there.
    def __init__(self, table: Mapping[str, object], place: str, path: str) -> None:
        self.place = place
        self.path = path
        self._table = table

    def wrong(self, key: str, reason: str) -> ConfigError:
        return ConfigError(f"{self.place}.{key}".strip("."), reason, document=self.path)

    def table(self, key: str) -> Mapping[str, object]:
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, "is not a table")
        return cast("Mapping[str, object]", value)

    def flag(self, key: str) -> bool:
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, "is neither true nor false")
        return value

    def text(self, key: str) -> str:
        value = self._table.get(key, "")
        if not isinstance(value, str):
            raise self.wrong(key, "is not a string")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._table.get(key, [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
            raise self.wrong(key, "is neither a string nor a list of strings")
        return tuple(values)

    def seconds(self, key: str) -> float:
        # As Go writes durations: `1m30s`.
        text = self.text(key)
        if not text:
            return 0
        total = sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(text))
        if not _DURATIONS.fullmatch(text) or not 0 < total < _LONGEST:
            raise self.wrong(key, f"{text!r} is not a time such as 5s or 1m30s")
        return total

    def file(self, name: str) -> str:
        return os.path.join(os.path.dirname(self.path), name)

    def pairs(self, key: str) -> Iterator[tuple[str, str]]:
        value = self._table.get(key, [])
        for item in [value] if isinstance(value, str) else value if isinstance(value, list) else [None]:
            names = [item] if isinstance(item, str) else item
            if not isinstance(names, list) or not 1 <= len(names) <= 2 or not all(isinstance(n, str) for n in names):
                raise self.wrong(key, "is not a list of certificates or pairs of a certificate and a key")
            files = [self.file(name) if name else "" for name in names]
            yield files[0], files[1] if len(files) > 1 else ""

    def capabilities(self) -> frozenset[str]:
        found = frozenset(self.texts("capabilities"))
        if unknown := found - CAPABILITIES:
            raise self.wrong("capabilities", f"{min(unknown)!r} is none of {', '.join(sorted(CAPABILITIES))}")
        return found or CAPABILITIES

    def headers(self) -> Iterator[tuple[str, str]]:
        for name in self.table("header"):
            for value in _Keys(self.table("header"), f"{self.place}.header".lstrip("."), self.path).texts(name):
                if not (name.isascii() and value.isascii() and (name + value).isprintable()) or " " in name:
                    raise self.wrong(f"header.{name}", "is not printable ASCII")
                yield name, value
