"""The attachments that were made by CNI plug-ins, each in a file that is written before the first plug-in runs.

    CACHE/results/NETWORK-CONTAINER-INTERFACE
    CACHE/firkin/                               what is being written

The form is that of libcni, so that other programs can tell what is attached; that an attachment is firkin's says one
more key. Until the last plug-in has succeeded there is no `result`. The directory outlives a boot, as do the
addresses that plug-ins reserve in files.
Source: libcni/api.go, cachedInfo.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firkin.cri.network.cni.configuration import Configuration, decode_configuration
from firkin.cri.network.cni.request import Attachment
from firkin.cri.network.files import write_atomically
from firkin.errors import ConfigError
from firkin.oci.json_text import dump, parse

__all__ = ["Cache", "Cached"]

_KIND = "cniCacheV1"
_OWNER = "runtime", "firkin"


@dataclass(frozen=True, slots=True)
class Cached:
    """An attachment with the network as it was configured then; `result` is None until it is complete."""

    attachment: Attachment
    network: Configuration
    result: Mapping[str, Any] | None = None


class Cache:
    """The directory `path`/results, which other runtimes use too."""

    def __init__(self, path: str) -> None:
        self._directory = f"{path}/results"
        self._drafts = f"{path}/firkin"

    def load(self) -> tuple[dict[str, Cached], list[str]]:
        """The attachments of firkin by container, and what is wrong with files that should be such. Raises OSError."""
        found, faults = {}, []
        for draft in _list(self._drafts):
            # What a write left that was cut.
            os.unlink(draft)
        for path in _list(self._directory):
            try:
                document = self._read(path)
                if document.get(_OWNER[0]) == _OWNER[1]:
                    cached = _decode(document, path)
                    found[cached.attachment.container] = cached
            except FileNotFoundError:
                continue
            except ConfigError as error:
                faults.append(str(error))
        return found, faults

    def attachments(self, network: str) -> list[dict[str, str]]:
        """All attachments to a network, those of other runtimes too, as GC wants to be told them. Raises OSError."""
        found = []
        for path in _list(self._directory):
            try:
                document = self._read(path)
            except (FileNotFoundError, ConfigError):
                # Not of this form, so not of libcni either.
                continue
            if document.get("kind") == _KIND and document.get("networkName") == network:
                names = {"containerID": str(document.get("containerId")), "ifname": str(document.get("ifName"))}
                found.append(names)
        return found

    def save(self, cached: Cached) -> None:
        """Write an attachment. Raises OSError."""
        attachment, network = cached.attachment, cached.network
        document: dict[str, object] = {
            "kind": _KIND,
            "containerId": attachment.container,
            "config": base64.b64encode(network.text.encode()).decode(),
            "ifName": attachment.interface,
            "networkName": network.name,
            "netns": attachment.netns,
            "cniArgs": attachment.arguments,
            "capabilityArgs": attachment.capabilities,
            _OWNER[0]: _OWNER[1],
        }
        if cached.result is not None:
            document["result"] = cached.result
        for directory in (self._directory, self._drafts):
            os.makedirs(directory, mode=0o700, exist_ok=True)
        write_atomically(self._path(cached), dump(document), f"{self._drafts}/{attachment.container}")

    def remove(self, cached: Cached) -> None:
        """Remove the file of an attachment, if it is there. Raises OSError."""
        try:
            os.unlink(self._path(cached))
        except FileNotFoundError:
            pass

    def _path(self, cached: Cached) -> str:
        attachment = cached.attachment
        return f"{self._directory}/{cached.network.name}-{attachment.container}-{attachment.interface}"

    @staticmethod
    def _read(path: str) -> dict[str, Any]:
        with open(path, "rb") as file:
            document = parse(file.read(), path)
        if not isinstance(document, dict):
            raise ConfigError("", "is not an object", document=path)
        return document


def _list(directory: str) -> list[str]:
    try:
        return [f"{directory}/{name}" for name in sorted(os.listdir(directory))]
    except FileNotFoundError:
        return []


def _decode(document: Mapping[str, Any], path: str) -> Cached:
    try:
        network = decode_configuration(base64.b64decode(document["config"], validate=True), path)
        attachment = Attachment(
            container=str(document["containerId"]),
            netns=str(document["netns"]),
            interface=str(document["ifName"]),
            arguments=tuple((str(key), str(value)) for key, value in document["cniArgs"]),
            capabilities=dict(document["capabilityArgs"]),
        )
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise ConfigError("", f"is no cached attachment: {error!r}", document=path) from None
    return Cached(attachment, network, document.get("result"))
