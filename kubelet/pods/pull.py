"""Images of containers: there already, or pulled, or not to be had now."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from firkin.cri.api import image_pb2
from firkin.cri.api.pod_pb2 import PodSandboxConfig
from firkin.errors import ImageError
from firkin.kubelet.api.config import Secret
from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.pods.backoff import Backoff, duration_text
from firkin.kubelet.pods.credentials import credentials_for
from firkin.kubelet.pods.start_error import StartError
from firkin.kubelet.pods.telling import NORMAL, WARNING, Recorder, field_path
from firkin.kubelet.runtime.client import Runtime
from firkin.kubelet.runtime.failure import CallError
from firkin.oci.image.reference import parse_reference

__all__ = ["ImageNeed", "Puller", "pull_policy"]

_TOLD = ("RegistryUnavailable", "SignatureValidationFailed")


@dataclass(frozen=True, slots=True)
class ImageNeed:
    """An image that a container needs, as its root or as a volume; `policy` is "" where nothing was said."""

    pod: Pod
    container: Container
    image: str
    policy: str
    sandbox: PodSandboxConfig
    secrets: Iterable[Secret] = ()


def pull_policy(policy: str, image: str) -> str:
    """The policy that counts: Always for the tag latest and IfNotPresent for others, where nothing was said.

    Raises ImageError for what is no name of an image.
    """
    reference = parse_reference(image)
    return policy or ("Always" if reference.tag == "latest" else "IfNotPresent")


class Puller:
    """Has images pulled, a few at a time, and waits longer after each failure (images/image_manager.go).

    Parameters: `parallel` are pulled at a time from one registry, so that one which does not answer holds up nobody who
    wants something of another. `backoff` is by the pod's uid and the image; `clock` is its clock.
    """

    def __init__(
        self, runtime: Runtime, recorder: Recorder, backoff: Backoff, clock: Callable[[], float], *, parallel: int
    ) -> None:
        self._runtime = runtime
        self._recorder = recorder
        self._backoff = backoff
        self._clock = clock
        self._turns = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(parallel))
        self._failures: dict[tuple[str, str], str] = {}

    async def ensure(self, need: ImageNeed) -> str:
        """The id of the image, which is in the runtime then. Raises StartError."""
        try:
            policy = pull_policy(need.policy, need.image)
        except ImageError as error:
            message = f'Failed to apply default image tag "{need.image}": {error}'
            self._tell(need, WARNING, "InspectFailed", message)
            raise StartError("InvalidImageName", message) from None
        present = await self._present(need)
        if present and policy != "Always":
            self._tell(need, NORMAL, "Pulled", f'Container image "{need.image}" already present on machine')
            return present
        if policy == "Never":
            message = f'Container image "{need.image}" is not present with pull policy of Never'
            self._tell(need, WARNING, "ErrImageNeverPull", message)
            raise StartError("ErrImageNeverPull", message)
        self._check_backoff(need)
        return await self._pull(need)

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        self._backoff.forget(lambda key: isinstance(key, tuple) and key[0] == uid)
        for key in [key for key in self._failures if key[0] == uid]:
            del self._failures[key]

    async def _present(self, need: ImageNeed) -> str:
        try:
            image = await self._runtime.image_status(image_pb2.ImageSpec(image=need.image))
        except CallError as error:
            message = f'Failed to inspect image "{need.image}": {error.text}'
            self._tell(need, WARNING, "InspectFailed", message)
            raise StartError("ImageInspectError", message) from error
        return image.id if image else ""

    def _check_backoff(self, need: ImageNeed) -> None:
        key = (need.pod.metadata.uid, need.image)
        # The delay counts from the moment that it was set at.
        left = self._backoff.left(key, self._backoff.since(key))
        if left > 0:
            self._tell(need, NORMAL, "BackOff", f'Back-off pulling image "{need.image}"')
            before = self._failures.get(key, "")
            message = f'Back-off pulling image "{need.image}"' + (f": {before}" if before else "")
            raise StartError("ImagePullBackOff", message, wait=left)

    async def _pull(self, need: ImageNeed) -> str:
        key = (need.pod.metadata.uid, need.image)
        asked = time.monotonic()
        self._tell(need, NORMAL, "Pulling", f'Pulling image "{need.image}"')
        try:
            async with self._turns[parse_reference(need.image).host]:
                begun = time.monotonic()
                reference = await self._pull_with(need)
        except CallError as error:
            self._tell(need, WARNING, "Failed", f'Failed to pull image "{need.image}": {error.text}')
            self._backoff.next(key, self._clock())
            reason = next((one for one in _TOLD if error.text.startswith(one)), "ErrImagePull")
            self._failures[key] = f"{reason}: {error.text}"
            raise StartError(reason, error.text, wait=self._backoff.delay(key)) from error
        took, waited = time.monotonic() - begun, time.monotonic() - asked
        self._failures.pop(key, None)
        self._backoff.forget(lambda one: one == key)
        self._tell(need, NORMAL, "Pulled", await self._pulled_text(need, took, waited))
        return reference

    async def _pulled_text(self, need: ImageNeed, took: float, waited: float) -> str:
        image = await self._runtime.image_status(image_pb2.ImageSpec(image=need.image))
        size = image.size if image else 0
        text = f'Successfully pulled image "{need.image}" in {_short(took)} ({_short(waited)} including waiting)'
        return f"{text}. Image size: {size} bytes."

    async def _pull_with(self, need: ImageNeed) -> str:
        spec = image_pb2.ImageSpec(image=need.image, annotations=need.pod.metadata.annotations)
        # Without credentials that fit, none are sent.
        tries: list[image_pb2.AuthConfig | None] = [*credentials_for(need.image, need.secrets)]
        error: CallError | None = None
        for auth in tries or [None]:
            request = image_pb2.PullImageRequest(image=spec, auth=auth, sandbox_config=need.sandbox)
            try:
                return await self._runtime.pull_image(request)
            except CallError as failed:
                error = failed
        assert error is not None
        raise error

    def _tell(self, need: ImageNeed, type: str, reason: str, message: str) -> None:
        self._recorder.record(need.pod, type, reason, message, field_path=field_path(need.pod, need.container))


def _short(seconds: float) -> str:
    return f"{seconds * 1000:.0f}ms" if seconds < 1 else f"{seconds:.3f}s" if seconds < 60 else duration_text(seconds)
