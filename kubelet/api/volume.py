"""Volumes of a pod (core/v1)."""

from __future__ import annotations

from typing import Any

from firkin.kubelet.api.quantity import Quantity
from firkin.kubelet.api.struct import Object

__all__ = [
    "ConfigMapProjection",
    "ConfigMapVolumeSource",
    "DownwardAPIProjection",
    "DownwardAPIVolumeFile",
    "DownwardAPIVolumeSource",
    "Elsewhere",
    "EmptyDirVolumeSource",
    "HostPathVolumeSource",
    "ImageVolumeSource",
    "KeyToPath",
    "ObjectFieldSelector",
    "ProjectedVolumeSource",
    "ResourceFieldSelector",
    "SecretProjection",
    "SecretVolumeSource",
    "Volume",
    "VolumeProjection",
]


# A source that this node has not: known, so that a volume is refused rather than taken for an empty one.
Elsewhere = dict[str, Any] | None


class ObjectFieldSelector(Object, frozen=True):
    """A field of the pod, such as metadata.name."""

    field_path: str
    api_version: str = "v1"


class ResourceFieldSelector(Object, frozen=True):
    """A request or limit of a container, such as limits.cpu, in units of `divisor`."""

    resource: str
    container_name: str = ""
    divisor: Quantity = "0"


class KeyToPath(Object, frozen=True):
    """One key of a ConfigMap or Secret as a file."""

    key: str
    path: str
    mode: int | None = None


class HostPathVolumeSource(Object, frozen=True):
    """A path of the machine; `type` says what it must be, or that it is made."""

    path: str
    type: str | None = None


class EmptyDirVolumeSource(Object, frozen=True):
    """A directory that lives as long as the pod; `medium` Memory makes it a tmpfs, `mode` is that of the directory."""

    medium: str = ""
    size_limit: Quantity | None = None
    mode: int | None = None


class ConfigMapVolumeSource(Object, frozen=True):
    """The keys of a ConfigMap as files."""

    name: str = ""
    items: list[KeyToPath] = []
    default_mode: int = 0o644
    optional: bool | None = None


class SecretVolumeSource(Object, frozen=True):
    """The keys of a Secret as files."""

    secret_name: str = ""
    items: list[KeyToPath] = []
    default_mode: int = 0o644
    optional: bool | None = None


class DownwardAPIVolumeFile(Object, frozen=True):
    """A field of the pod, or a resource of a container, as a file."""

    path: str
    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    mode: int | None = None


class DownwardAPIVolumeSource(Object, frozen=True):
    """What a pod is told of itself, as files."""

    items: list[DownwardAPIVolumeFile] = []
    default_mode: int = 0o644


class ConfigMapProjection(Object, frozen=True):
    """A ConfigMap as a part of a projected volume."""

    name: str = ""
    items: list[KeyToPath] = []
    optional: bool | None = None


class SecretProjection(Object, frozen=True):
    """A Secret as a part of a projected volume."""

    name: str = ""
    items: list[KeyToPath] = []
    optional: bool | None = None


class DownwardAPIProjection(Object, frozen=True):
    """What a pod is told of itself, as a part of a projected volume."""

    items: list[DownwardAPIVolumeFile] = []


class VolumeProjection(Object, frozen=True):
    """One source of a projected volume: exactly one of these."""

    config_map: ConfigMapProjection | None = None
    secret: SecretProjection | None = None
    downward_api: DownwardAPIProjection | None = None
    service_account_token: Elsewhere = None
    cluster_trust_bundle: Elsewhere = None
    pod_certificate: Elsewhere = None


class ProjectedVolumeSource(Object, frozen=True):
    """Several sources in one directory."""

    sources: list[VolumeProjection] = []
    default_mode: int = 0o644


class ImageVolumeSource(Object, frozen=True):
    """The file system of an image, read-only."""

    reference: str = ""
    pull_policy: str = ""


class Volume(Object, frozen=True):
    """A volume: a name and exactly one source; none at all is an emptyDir."""

    name: str
    empty_dir: EmptyDirVolumeSource | None = None
    host_path: HostPathVolumeSource | None = None
    config_map: ConfigMapVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    downward_api: DownwardAPIVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    image: ImageVolumeSource | None = None
    persistent_volume_claim: Elsewhere = None
    csi: Elsewhere = None
    ephemeral: Elsewhere = None
    nfs: Elsewhere = None
    iscsi: Elsewhere = None
    fc: Elsewhere = None
    flex_volume: Elsewhere = None
    git_repo: Elsewhere = None
    aws_elastic_block_store: Elsewhere = None
    azure_disk: Elsewhere = None
    azure_file: Elsewhere = None
    cephfs: Elsewhere = None
    cinder: Elsewhere = None
    flocker: Elsewhere = None
    gce_persistent_disk: Elsewhere = None
    glusterfs: Elsewhere = None
    photon_persistent_disk: Elsewhere = None
    portworx_volume: Elsewhere = None
    quobyte: Elsewhere = None
    rbd: Elsewhere = None
    scale_io: Elsewhere = None
    storageos: Elsewhere = None
    vsphere_volume: Elsewhere = None
