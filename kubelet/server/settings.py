"""What is said about the HTTPS server in the configuration."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["ServerSettings", "server_faults"]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`[kubelet.server]`: HTTPS at `address` and `port`, for those alone who can say who they are.

    That is who has a certificate of the authority in the file `client_ca`, with one of `client_names` if any are given,
    or the token in the file `token_file`. Without either of the two files there is no server. `certificate` and `key`
    are the server's own; without them it makes itself one.
    """

    address: str = "0.0.0.0"
    port: int = 10250
    client_ca: str = ""
    client_names: tuple[str, ...] = ()
    token_file: str = ""
    certificate: str = ""
    key: str = ""

    @property
    def is_open(self) -> bool:
        """Whether there is anybody who may come in."""
        return bool(self.client_ca or self.token_file)


def server_faults(settings: ServerSettings) -> Iterator[str]:
    """What is wrong with them, each with its key."""
    if not 0 <= settings.port <= 65535:
        yield "kubelet.server.port: is not within 0 to 65535"
    if bool(settings.certificate) is not bool(settings.key):
        yield "kubelet.server: certificate and key go together"
    if settings.client_names and not settings.client_ca:
        yield "kubelet.server.client_names: are those of certificates, and there is no client_ca"
    for name in ("client_ca", "token_file", "certificate", "key"):
        path = getattr(settings, name)
        if path and not os.path.isabs(path):
            yield f"kubelet.server.{name}: {path!r} is not an absolute path"
