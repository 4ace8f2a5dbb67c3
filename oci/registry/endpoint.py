"""Where a registry, or a mirror of it, is reached, and how it is trusted."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from functools import cached_property

from yarl import URL

from firkin.errors import ConfigError

__all__ = ["CAPABILITIES", "DOCKER_HUB", "Endpoint", "default_endpoint", "is_loopback", "name_of", "origin"]

CAPABILITIES = frozenset({"pull", "resolve", "push"})
"""What an endpoint can be trusted with: content by digest, what a tag stands for, new content."""

DOCKER_HUB = "registry-1.docker.io"
"""The host behind the name docker.io."""


@dataclass(frozen=True)
class Endpoint:
    """The API of a registry below `url`, which ends in its version and has no slash at its end.

    Parameters: `namespace` is the host in the names of images, which a mirror is told; `capabilities` is a subset of
    `CAPABILITIES`; `ca` are files of certificates that are trusted beside the system's; `client` are files of a
    certificate and its key ("" if it is in the same file); `skip_verify` trusts whoever answers; `headers` are sent
    along; `dial_timeout` is how many seconds a connection is waited for, 0 for what the limits say; `place` names the
    document that says all this, for errors.
    """

    url: str
    namespace: str = ""
    capabilities: frozenset[str] = CAPABILITIES
    ca: tuple[str, ...] = ()
    client: tuple[tuple[str, str], ...] = ()
    skip_verify: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    dial_timeout: float = 0
    place: str = ""

    @cached_property
    def base(self) -> URL:
        """The address as such."""
        return URL(self.url)

    @property
    def host(self) -> str:
        """Host and port as they are written, which is what credentials are filed under."""
        return self.url.partition("://")[2].partition("/")[0]

    @property
    def is_plain(self) -> bool:
        """Whether this is HTTP without TLS."""
        return self.base.scheme == "http"

    def address(self, path: str, **query: str) -> URL:
        """The address of something below the API; a mirror is told which registry is meant."""
        if self.namespace and self.namespace != self.host and self.host != DOCKER_HUB:
            query["ns"] = self.namespace
        url = self.base.with_path(f"{self.base.path.rstrip('/')}/{path}")
        return url.with_query(query) if query else url

    def tls(self, url: URL) -> ssl.SSLContext:
        """What a connection to `url` is verified by.

        A server that is only redirected to is not given the client's certificate, and is always verified.
        Raises ConfigError naming the file that can not be used.
        """
        return self._own_tls if origin(url) == origin(self.base) else self._other_tls

    @cached_property
    def _own_tls(self) -> ssl.SSLContext:
        context = self._trust()
        for certificate, key in self.client:
            try:
                context.load_cert_chain(certificate, key or None)
            except (OSError, ssl.SSLError) as error:
                raise self._unusable("client", f"{certificate} {key}".strip(), error) from error
        if self.skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    @cached_property
    def _other_tls(self) -> ssl.SSLContext:
        return self._trust()

    def _trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        for path in self.ca:
            try:
                context.load_verify_locations(path)
            except (OSError, ssl.SSLError) as error:
                raise self._unusable("ca", path, error) from error
        return context

    def _unusable(self, key: str, path: str, error: OSError) -> ConfigError:
        return ConfigError(f"host.{self.url}.{key}", f"{path}: {error.strerror or error}", document=self.place)


def default_endpoint(host: str) -> Endpoint:
    """The endpoint of a registry that nothing is configured for: TLS, but for this machine itself."""
    scheme = "http" if is_loopback(host) else "https"
    return Endpoint(f"{scheme}://{DOCKER_HUB if host == 'docker.io' else host}/v2", namespace=host)


def is_loopback(host: str) -> bool:
    """Whether `HOST[:PORT]` is this machine by its own name or address."""
    name = URL(f"http://{host}").host or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def name_of(url: URL) -> str:
    """Host, and port unless it is the usual one: how a server is called in errors."""
    return url.host_port_subcomponent or ""


def origin(url: URL) -> tuple[str, str, int | None]:
    """Scheme, host and port: what credentials are for."""
    return url.scheme, url.host or "", url.port
