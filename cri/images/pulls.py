"""Pulling for CRI: with the credentials of the request, so many at once, each image by one pull however many ask."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import defaultdict

from firkin import log
from firkin.cri.api.image_pb2 import AuthConfig
from firkin.cri.config import Images
from firkin.errors import ConfigError
from firkin.oci.image.platform import host_platform
from firkin.oci.image.reference import Reference
from firkin.oci.policy.policy import Policy
from firkin.oci.registry.credentials import Credentials, Lookup, only_for
from firkin.oci.store.images import ImageStore, Local

__all__ = ["Puller", "credentials_of"]

_LOGGER = log.to("images")


class Puller:
    """Pulls what `policy` allows into `store`, as `config` says.

    So many at once from each registry: one that does not answer holds up nobody who wants something of another.
    """

    def __init__(self, store: ImageStore, config: Images, policy: Policy) -> None:
        self._store = store
        self._config = config
        self._policy = policy
        self._turns = _turns(config.concurrent_pulls)

    def configure(self, config: Images) -> None:
        """Pull as `config` says from now on; what is under way or waits goes on as before."""
        if config.concurrent_pulls != self._config.concurrent_pulls:
            self._turns = _turns(config.concurrent_pulls)
        self._config = config

    async def pull(self, reference: Reference, auth: AuthConfig | None) -> Local:
        """Have the image here, under its name. Raises as `firkin.oci.pull.pull`; ConfigError for bad credentials."""
        lookup = None if auth is None else _lookup(reference, auth)
        # A client of HTTP is large, and takes a tenth of a second to import: not before it is needed.
        from firkin.oci.pull import pull
        from firkin.oci.registry.client import open_registry

        async with self._turns[reference.host]:
            _LOGGER.info("pull %s", reference)
            async with open_registry(credentials=lookup, hosts_directory=self._config.hosts_directory) as registry:
                local = await pull(reference, self._store, registry, host_platform(), policy=self._policy)
        _LOGGER.info("pulled %s: %s", reference, local.digest)
        return local


def _turns(most: int) -> dict[str, asyncio.Semaphore]:
    # By registry.
    return defaultdict(lambda: asyncio.Semaphore(most))


def _lookup(reference: Reference, auth: AuthConfig) -> Lookup | None:
    found = credentials_of(auth)
    # They are for the registry of the image, also where the request names a server.
    return None if found is None else only_for(reference.host, found)


def credentials_of(auth: AuthConfig) -> Credentials | None:
    """The credentials in a request, None if it has none. Raises ConfigError if they are not well-formed."""
    username, password = auth.username, auth.password
    if auth.auth:
        try:
            username, colon, password = base64.b64decode(auth.auth, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            colon = ""
        if not colon:
            raise ConfigError("auth.auth", "is not the base64 form of NAME:PASSWORD", document="PullImageRequest")
        password = password.rstrip("\0")
    found = Credentials(username, password, auth.identity_token, auth.registry_token)
    return None if found == Credentials() else found
