"""Credentials, from where `docker login` and its like leave them.

Source: docker-cli cli/config/configfile, docker-credential-helpers README ("Development").
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from firkin.errors import ConfigError, FirkinError, ImageError, KernelError
from firkin.oci.json_text import parse
from firkin.oci.registry.endpoint import DOCKER_HUB

__all__ = ["Credentials", "DockerConfig", "Lookup", "anonymous", "only_for"]

_HUB_KEY = "https://index.docker.io/v1/"
_HUB = frozenset({"docker.io", "index.docker.io", DOCKER_HUB})
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MOST = 1 << 20
_HELPER_SECONDS = 60


@dataclass(frozen=True)
class Credentials:
    """Name and password, or an identity token that a token server exchanges, or a token for the registry itself."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    def basic(self) -> str:
        """The value of `Authorization` (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


Lookup = Callable[[str], Coroutine[Any, Any, Credentials | None]]
"""Gives the credentials for `HOST[:PORT]`."""


async def anonymous(host: str) -> Credentials | None:
    """Has none."""
    return None


def only_for(host: str, credentials: Credentials) -> Lookup:
    """Has `credentials` for one host alone."""

    async def lookup(asked: str) -> Credentials | None:
        return credentials if _same(asked, host) else None

    return lookup


class DockerConfig:
    """A `config.json` of Docker: `path`, or by DOCKER_CONFIG, or in `~/.docker`."""

    def __init__(self, path: str = "", environment: Mapping[str, str] = os.environ) -> None:
        directory = environment.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
        self.path = path or f"{directory}/config.json"
        self._environment = environment
        self._document: Mapping[str, object] | None = None

    async def lookup(self, host: str) -> Credentials | None:
        """The credentials for a host: of its helper, of the store, of the file itself, in this order.

        Raises ConfigError with the key that is wrong, FirkinError if a helper fails, KernelError.
        """
        document = self._load()
        helpers = self._mapping("credHelpers", document)
        helper = next((value for key, value in helpers.items() if _same(key, host)), document.get("credsStore"))
        if helper:
            found = await self._ask(helper, host)
            if found is not None:
                return found
        for key, entry in self._mapping("auths", document).items():
            if _same(key, host):
                return self._entry(f'auths["{key}"]', entry)
        return None

    def _load(self) -> Mapping[str, object]:
        if self._document is None:
            try:
                with open(self.path, "rb") as file:
                    data = file.read(_MOST + 1)
            except (FileNotFoundError, NotADirectoryError):
                data = b"{}"
            except OSError as error:
                raise KernelError(f"read {self.path}", error.errno or 0) from error
            if len(data) > _MOST:
                raise ConfigError("", f"is longer than {_MOST} bytes", document=self.path)
            document = parse(data, self.path)
            if not isinstance(document, dict):
                raise ConfigError("", "is not an object", document=self.path)
            self._document = document
        return self._document

    def _mapping(self, key: str, document: Mapping[str, object]) -> Mapping[str, object]:
        value = document.get(key) or {}
        if not isinstance(value, dict):
            raise ConfigError(key, "is not an object", document=self.path)
        return cast("Mapping[str, object]", value)

    def _entry(self, place: str, entry: object) -> Credentials | None:
        if not isinstance(entry, dict):
            raise ConfigError(place, "is not an object", document=self.path)
        names = ("username", "password", "auth", "identitytoken", "registrytoken")
        values = {name: entry.get(name) or "" for name in names}
        for name, value in values.items():
            if not isinstance(value, str):
                raise ConfigError(f"{place}.{name}", "is not a string", document=self.path)
        username, password = values["username"], values["password"]
        if values["auth"]:
            username, password = self._decoded(f"{place}.auth", values["auth"])
        found = Credentials(username, password, values["identitytoken"], values["registrytoken"])
        return None if found == Credentials() else found

    def _decoded(self, place: str, auth: str) -> tuple[str, str]:
        try:
            username, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            colon = ""
        if not colon:
            raise ConfigError(place, "is not the base64 form of NAME:PASSWORD", document=self.path)
        # Docker pads with zero bytes.
        return username, password.rstrip("\0")

    async def _ask(self, helper: object, host: str) -> Credentials | None:
        if not isinstance(helper, str) or not _HELPER.fullmatch(helper):
            raise ConfigError("credHelpers", f"{helper!r} is not the name of a helper", document=self.path)
        program = f"docker-credential-{helper}"
        status, output = await self._run(program, _HUB_KEY if host in _HUB else host)
        if status and b"credentials not found" in output:
            return None
        if status:
            reason = output.decode(errors="replace").strip()[:200] or "says nothing"
            raise FirkinError(f"credentials for {host}: {program} get: status {status}: {reason}")
        return _from_helper(parse(output, f"{program} get"), program)

    async def _run(self, program: str, server: str) -> tuple[int, bytes]:
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                program, "get", stdin=pipe, stdout=pipe, env=dict(self._environment)
            )
        except OSError as error:
            hint = f"{self.path} names it"
            raise FirkinError(f"credentials for {server}: {program}: {error.strerror}", hint=hint) from error
        try:
            async with asyncio.timeout(_HELPER_SECONDS):
                output, _ = await process.communicate(server.encode())
        except TimeoutError:
            reason = f"does not end in {_HELPER_SECONDS} seconds"
            raise FirkinError(f"credentials for {server}: {program} get: {reason}") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, output


def _from_helper(answer: object, program: str) -> Credentials:
    username = answer.get("Username") if isinstance(answer, dict) else None
    secret = answer.get("Secret") if isinstance(answer, dict) else None
    if not isinstance(username, str) or not isinstance(secret, str):
        raise ImageError(f"credentials: {program} get: answers without Username and Secret")
    return Credentials(identity_token=secret) if username == "<token>" else Credentials(username, secret)


def _same(key: str, host: str) -> bool:
    name = key.partition("://")[2] or key
    name = name.partition("/")[0]
    return name == host or (name in _HUB and host in _HUB)
