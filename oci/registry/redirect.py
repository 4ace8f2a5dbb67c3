"""Where an answer sends us, if we let it."""

from __future__ import annotations

from yarl import URL

from firkin.errors import RegistryError
from firkin.oci.registry.endpoint import name_of
from firkin.oci.registry.failure import clean, protocol_error

__all__ = ["REDIRECTS", "target"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""The statuses that send elsewhere."""

_MOST = 8190
_PRINTABLE = frozenset(map(chr, range(0x21, 0x7F)))


def target(base: URL, location: str, what: str) -> URL:
    """The address that `Location` means in an answer from `base`, its signed parts untouched.

    Raises RegistryError unless it is an address of HTTP that is not less protected than `base`.
    """
    host = name_of(base)
    if not location:
        raise protocol_error(what, host, "redirects, and does not say where to")
    if len(location) > _MOST or not _PRINTABLE.issuperset(location):
        raise _refused(what, host, location, "which is no address")
    try:
        url = base.join(URL(location, encoded=True)).with_fragment(None)
        usable = url.scheme in ("http", "https") and bool(url.host) and url.port is not None
    except ValueError:
        raise _refused(what, host, location, "which is no address") from None
    if not usable or url.user is not None:
        raise _refused(what, host, location, "which is not http[s]://HOST[:PORT]/PATH")
    if base.scheme == "https" and url.scheme != "https":
        raise _refused(what, host, location, "without TLS")
    return url


def _refused(what: str, host: str, location: str, reason: str) -> RegistryError:
    return protocol_error(what, host, f"redirects to {clean(location, 100)!r}, {reason}")
