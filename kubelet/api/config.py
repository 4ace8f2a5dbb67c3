"""ConfigMaps and Secrets (core/v1)."""

from __future__ import annotations

from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.struct import always

__all__ = ["ConfigMap", "Secret"]


class ConfigMap(Resource, frozen=True):
    """Configuration for pods; `binary_data` is base64."""

    api_version: str = always("v1")
    kind: str = always("ConfigMap")
    data: dict[str, str] = {}
    binary_data: dict[str, bytes] = {}
    immutable: bool | None = None


class Secret(Resource, frozen=True):
    """What few may read; `data` is base64, `string_data` is merged into it when it is stored."""

    api_version: str = always("v1")
    kind: str = always("Secret")
    type: str = "Opaque"
    data: dict[str, bytes] = {}
    string_data: dict[str, str] = {}
    immutable: bool | None = None
