"""Credentials for registries: Secrets of docker's forms, as imagePullSecrets name them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from firkin.cri.api.image_pb2 import AuthConfig
from firkin.errors import FirkinError
from firkin.kubelet.api.config import Secret
from firkin.oci.image.reference import parse_reference

__all__ = ["credentials_for"]

_FORMS = {".dockerconfigjson": "auths", ".dockercfg": ""}


def credentials_for(image: str, secrets: Iterable[Secret]) -> list[AuthConfig]:
    """The credentials in `secrets` that are meant for the registry of `image`, the most specific ones first.

    What is no configuration of docker's is passed over, as the kubelet does.
    """
    try:
        reference = parse_reference(image)
    except FirkinError:
        return []
    place = reference.repository
    found = [(key, entry) for secret in secrets for key, entry in _entries(secret) if _is_for(key, place)]
    found.sort(key=lambda item: len(_plain(item[0])), reverse=True)
    return [_config(key, entry) for key, entry in found]


def _entries(secret: Secret) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, field in _FORMS.items():
        if name not in secret.data:
            continue
        try:
            document = json.loads(secret.data[name])
        except (ValueError, UnicodeDecodeError):
            continue
        entries = document.get(field, {}) if field and isinstance(document, dict) else document
        if isinstance(entries, dict):
            yield from ((key, entry) for key, entry in entries.items() if isinstance(entry, dict))


def _plain(key: str) -> str:
    text = key.partition("://")[2] or key
    text = text.removesuffix("/").removesuffix("/v1").removesuffix("/v2")
    host, slash, path = text.partition("/")
    # The Hub goes by several names.
    return ("docker.io" if host in ("index.docker.io", "registry-1.docker.io") else host) + slash + path


def _is_for(key: str, place: str) -> bool:
    host, _, path = _plain(key).partition("/")
    of_host, _, of_path = place.partition("/")
    parts, wanted = host.split("."), of_host.split(".")
    # A star stands for a part of the name, not for several.
    fits = len(parts) == len(wanted) and all(fnmatchcase(one, other) for one, other in zip(wanted, parts, strict=True))
    return fits and (not path or f"{of_path}/".startswith(f"{path}/"))


def _config(key: str, entry: Mapping[str, Any]) -> AuthConfig:
    user, password = str(entry.get("username", "")), str(entry.get("password", ""))
    if not user and isinstance(entry.get("auth"), str):
        try:
            user, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
    return AuthConfig(
        username=user,
        password=password,
        server_address=_plain(key).partition("/")[0],
        identity_token=str(entry.get("identitytoken", "")),
        registry_token=str(entry.get("registrytoken", "")),
    )
