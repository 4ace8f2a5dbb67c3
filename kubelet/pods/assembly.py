"""Putting together what the workers of pods work with."""

from __future__ import annotations

import time
from collections.abc import Callable

from firkin.kubelet.api.config import Secret
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.config import Config
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.pods.backoff import Backoff
from firkin.kubelet.pods.hooks import Hooks
from firkin.kubelet.pods.observed import Observer
from firkin.kubelet.pods.preparation import Preparation
from firkin.kubelet.pods.pull import Puller
from firkin.kubelet.pods.services import NodeView, Probes, Services, retry_delay
from firkin.kubelet.pods.starting import Starter
from firkin.kubelet.pods.stopping import Stopper
from firkin.kubelet.pods.syncing import Syncer
from firkin.kubelet.pods.telling import Recorder
from firkin.kubelet.runtime.client import Runtime

__all__ = ["make_services"]

_FIRST_DELAY = 10.0


def make_services(
    config: Config,
    runtime: Runtime,
    objects: Objects,
    recorder: Recorder,
    preparation: Preparation,
    probes: Probes,
    node: NodeView,
    *,
    wall: Callable[[], float] = time.time,
) -> Services:
    """The parts of one agent, each knowing those that it needs. Must be called within the loop."""
    observer = Observer(runtime)
    hooks = Hooks(runtime)
    puller = Puller(
        runtime, recorder, Backoff(_FIRST_DELAY, config.max_pull_delay, wall), wall, parallel=config.parallel_pulls
    )
    stopper = Stopper(runtime, hooks, recorder, time.monotonic)
    restarts = Backoff(_FIRST_DELAY, config.max_restart_delay, wall)
    starter = Starter(runtime, recorder, preparation, puller, restarts, hooks, stopper)

    def pull_secrets(pod: Pod) -> list[Secret]:
        names = [one.name for one in pod.spec.image_pull_secrets]
        found = (objects.get(Secret, pod.metadata.namespace, name) for name in names)
        return [one for one in found if one is not None]

    syncer = Syncer(runtime, observer, recorder, preparation, starter, stopper, puller, pull_secrets, retry_delay)
    return Services(
        runtime=runtime,
        objects=objects,
        observer=observer,
        recorder=recorder,
        preparation=preparation,
        probes=probes,
        node=node,
        syncer=syncer,
        starter=starter,
        stopper=stopper,
        logs=config.logs,
        wall=wall,
    )
