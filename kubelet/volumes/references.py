"""Which ConfigMaps and Secrets the volumes of a pod show."""

from __future__ import annotations

from collections.abc import Iterator

from firkin.kubelet.api.config import ConfigMap, Secret
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.volume import Volume

__all__ = ["references"]

Reference = tuple[type[ConfigMap] | type[Secret], str]


def references(pod: Pod) -> frozenset[Reference]:
    """Kind and name of each, in the namespace of the pod."""
    return frozenset(one for volume in pod.spec.volumes for one in _of(volume))


def _of(volume: Volume) -> Iterator[Reference]:
    if volume.config_map:
        yield ConfigMap, volume.config_map.name
    if volume.secret:
        yield Secret, volume.secret.secret_name
    for source in volume.projected.sources if volume.projected else ():
        if source.config_map:
            yield ConfigMap, source.config_map.name
        if source.secret:
            yield Secret, source.secret.name
