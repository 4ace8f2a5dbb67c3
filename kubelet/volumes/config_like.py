"""Volumes that show objects as files: configMap, secret, downwardAPI, projected."""

from __future__ import annotations

import os

from firkin.kubelet.api.volume import Volume, VolumeProjection
from firkin.kubelet.volumes.atomic import File, write_files
from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.files import Keys, config_map_files, downward_files, secret_files
from firkin.kubelet.volumes.mounting import mount_tmpfs
from firkin.kubelet.volumes.ownership import set_group
from firkin.kubelet.volumes.plugin import Request, Work

__all__ = ["ConfigMapVolumes", "DownwardVolumes", "ProjectedVolumes", "SecretVolumes"]


class _Files:
    kind: str
    is_live = True
    in_memory = True

    def path(self, request: Request) -> str:
        """The directory of the volume."""
        return request.places.volume(self.kind, request.volume.name)

    def prepare(self, request: Request) -> Work:
        """See VolumePlugin."""
        files = self.files(request)
        path, group = self.path(request), request.group
        return lambda: _show(path, files, group, in_memory=self.in_memory)

    def files(self, request: Request) -> dict[str, File]:
        """What the volume shows, by path."""
        raise NotImplementedError


def _show(path: str, files: dict[str, File], group: int | None, *, in_memory: bool) -> None:
    os.makedirs(path, mode=0o750, exist_ok=True)
    if in_memory and not os.path.ismount(path):
        # What is secret is not written to disk, and not swapped out.
        mount_tmpfs(path, swap=False)
    os.chmod(path, 0o777)
    if group is None:
        write_files(path, files)
        return
    os.chown(path, -1, group)
    os.chmod(path, 0o2777)
    write_files(path, files, lambda new: set_group(new, group, read_only=True))


class ConfigMapVolumes(_Files):
    """The keys of a ConfigMap."""

    kind = "configmap"
    in_memory = False

    def takes(self, volume: Volume) -> bool:
        """See VolumePlugin."""
        return volume.config_map is not None

    def files(self, request: Request) -> dict[str, File]:
        """What the volume shows, by path."""
        source, namespace = request.volume.config_map, request.pod.metadata.namespace
        assert source
        keys = Keys(source.name, source.items, source.default_mode, optional=bool(source.optional))
        return config_map_files(request.objects, namespace, keys)


class SecretVolumes(_Files):
    """The keys of a Secret."""

    kind = "secret"

    def takes(self, volume: Volume) -> bool:
        """See VolumePlugin."""
        return volume.secret is not None

    def files(self, request: Request) -> dict[str, File]:
        """What the volume shows, by path."""
        source, namespace = request.volume.secret, request.pod.metadata.namespace
        assert source
        keys = Keys(source.secret_name, source.items, source.default_mode, optional=bool(source.optional))
        return secret_files(request.objects, namespace, keys)


class DownwardVolumes(_Files):
    """What the pod is told of itself."""

    kind = "downward-api"

    def takes(self, volume: Volume) -> bool:
        """See VolumePlugin."""
        return volume.downward_api is not None

    def files(self, request: Request) -> dict[str, File]:
        """What the volume shows, by path."""
        source = request.volume.downward_api
        assert source
        return downward_files(request.pod, source.items, source.default_mode, request.facts)


class ProjectedVolumes(_Files):
    """Several of these in one directory; where two have the same path the later one is seen."""

    kind = "projected"

    def takes(self, volume: Volume) -> bool:
        """See VolumePlugin."""
        return volume.projected is not None

    def files(self, request: Request) -> dict[str, File]:
        """What the volume shows, by path."""
        source = request.volume.projected
        assert source
        found: dict[str, File] = {}
        for one in source.sources:
            found.update(_projected(request, one, source.default_mode))
        return found


def _projected(request: Request, source: VolumeProjection, mode: int) -> dict[str, File]:
    objects, namespace = request.objects, request.pod.metadata.namespace
    if one := source.config_map:
        return config_map_files(objects, namespace, Keys(one.name, one.items, mode, optional=bool(one.optional)))
    if two := source.secret:
        return secret_files(objects, namespace, Keys(two.name, two.items, mode, optional=bool(two.optional)))
    if source.downward_api:
        return downward_files(request.pod, source.downward_api.items, mode, request.facts)
    for name in ("service_account_token", "cluster_trust_bundle", "pod_certificate"):
        if getattr(source, name) is not None:
            raise VolumeError(_NEEDS_CLUSTER[name])
    raise VolumeError("has a source of no known kind")


_NEEDS_CLUSTER = {
    "service_account_token": "serviceAccountToken needs an API server, which issues the token: this node has none",
    "cluster_trust_bundle": "clusterTrustBundle needs an API server, which has the bundle: this node has none",
    "pod_certificate": "podCertificate needs an API server, which signs the certificate: this node has none",
}
