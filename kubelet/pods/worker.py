"""The worker of one pod: it brings the pod up, keeps it so, and takes it down.

A pod is synchronized until it ends, then it is stopped, then what it had is taken away; there is no way back. What is
wanted may change at any time, the newest counts. An order to end interrupts whatever is under way.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from enum import IntEnum

from msgspec.structs import replace

from firkin import log
from firkin.errors import FirkinError, StateError
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import PodStatus
from firkin.kubelet.pods.actions import compute_actions
from firkin.kubelet.pods.phase import is_terminal
from firkin.kubelet.pods.resize import Resize, actual_resources, resizes_of
from firkin.kubelet.pods.resizing import Resizing
from firkin.kubelet.pods.sandbox_config import log_directory
from firkin.kubelet.pods.services import Services, retry_delay
from firkin.kubelet.pods.status import Facts, Verdict, ended_status, failed_status, pod_status
from firkin.kubelet.pods.stopping import grace_of
from firkin.kubelet.pods.syncing import Outcome
from firkin.kubelet.pods.telling import NORMAL, WARNING
from firkin.kubelet.pods.view import RUNNING, PodView
from firkin.kubelet.probes.verdict import Running
from firkin.kubelet.runtime.failure import CallUnavailableError

__all__ = ["Stage", "Worker"]

_LOG = log.to("pods")
_SOON = 1.0
_PAST_DEADLINE = "Pod was active on the node longer than the specified deadline"


class Stage(IntEnum):
    """How far a pod's life has come."""

    SYNC = 0
    TERMINATING = 1
    TERMINATED = 2
    GONE = 3


class Worker:
    """The worker of `pod`; `run` it. All else tells it something and returns at once.

    `active` tells the pods that run, or are about to, beside one; `freed` is called when there may be room for others.
    """

    def __init__(
        self,
        services: Services,
        pod: Pod,
        active: Callable[[Pod], Sequence[Pod]],
        freed: Callable[[], None] = lambda: None,
    ) -> None:
        self._services = services
        self._pod = pod
        self._active = active
        self._freed = freed
        self._resizing = Resizing(pod)
        self._wake = asyncio.Event()
        self._work: asyncio.Task[float | None] | None = None
        self._is_interrupted = False
        self._is_removed = False
        self._verdict: Verdict | None = None
        self._grace: int | None = None
        self._outcome = Outcome()
        self._is_clean = False
        self._has_failed = False
        self.stage = Stage.SYNC
        self.is_admitted = pod.status.start_time is not None
        self.over = asyncio.Event()
        """Set when nothing of the pod runs any more, nor will."""

    @property
    def pod(self) -> Pod:
        """The pod as it was wanted, and reported, last, with what it was given of the node."""
        return self._resizing.given_to(self._pod)

    @property
    def is_failing(self) -> bool:
        """Whether something in the pod waits for another try."""
        return self._has_failed or self._outcome.retry is not None

    @property
    def is_short(self) -> bool:
        """Whether it asks for more than there was room for."""
        return self._resizing.is_pending

    def update(self, pod: Pod) -> None:
        """The pod is wanted like this now."""
        before, self._pod = self._pod, pod
        was, now = before.metadata, pod.metadata
        if replace(was, resource_version="") == replace(now, resource_version="") and _is_same(before, pod):
            return
        if was.deletion_grace_period_seconds != now.deletion_grace_period_seconds:
            self._interrupt()
        self._wake.set()

    def remove(self, pod: Pod) -> None:
        """Nobody wants the pod any more, nor to hear of it: what is left of it must go."""
        self._pod = pod
        self._is_removed = True
        self._interrupt()

    def end(self, verdict: Verdict, grace: int | None) -> None:
        """End the pod for a reason of the node's, with `grace` seconds instead of its own."""
        if self._verdict is None and self.stage == Stage.SYNC:
            self._verdict, self._grace = verdict, grace
            self._interrupt()

    def poke(self) -> None:
        """Something may have changed in the runtime."""
        self._wake.set()

    def _interrupt(self) -> None:
        if self._work is not None:
            self._is_interrupted = True
            self._work.cancel()
        self._wake.set()

    async def run(self) -> None:
        """Work until the pod is gone."""
        metadata = self._pod.metadata
        with log.bound(pod=f"{metadata.namespace}/{metadata.name}", uid=metadata.uid):
            while self.stage < Stage.GONE:
                self._wake.clear()
                seconds = await self._turn_safely()
                if self.stage < Stage.GONE:
                    await self._rest(seconds)

    async def _rest(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _turn_safely(self) -> float | None:
        # The seconds to rest, None for as long as nothing happens.
        self._work = asyncio.ensure_future(self._turn())
        self._has_failed = False
        try:
            return await self._work
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._is_interrupted or (task is not None and task.cancelling()):
                raise
            return 0.0
        except CallUnavailableError as error:
            _LOG.info("waits for the runtime: %s", error)
            return _SOON
        except FirkinError as error:
            self._has_failed = True
            self._tell(WARNING, "FailedSync", f"Error syncing pod, skipping: {error}")
            return retry_delay()
        except Exception:
            # A fault of the agent's in one pod must not end the others.
            _LOG.exception("failed")
            return retry_delay()
        finally:
            self._work = None
            self._is_interrupted = False

    async def _turn(self) -> float | None:
        if self.stage == Stage.SYNC and not self._must_end():
            return await self._sync()
        if self.stage <= Stage.TERMINATING:
            self.stage = Stage.TERMINATING
            await self._terminate()
            self.stage = Stage.TERMINATED
            self.over.set()
            self._freed()
        await self._finish()
        return None

    def _must_end(self) -> bool:
        is_deleted = self._is_removed or self._pod.metadata.deletion_timestamp is not None
        return is_deleted or self._verdict is not None or is_terminal(self._pod.status.phase)

    async def _sync(self) -> float | None:
        if not self.is_admitted and not await self._admit():
            return 0.0
        view = await self._observe()
        self._decide_resize()
        if self._left() == 0:
            self._verdict = Verdict("DeadlineExceeded", _PAST_DEADLINE)
            self._tell(NORMAL, "DeadlineExceeded", _PAST_DEADLINE)
        self._report(view)
        if self._must_end():
            return 0.0
        pod, verdicts = self.pod, self._services.probes.verdicts(self._pod.metadata.uid)
        actions = compute_actions(pod, view, verdicts, self._resizes(pod, view))
        outcome = self._outcome = Outcome(self._outcome.waiting)
        if not actions:
            return self._left()
        try:
            await self._services.syncer.apply(pod, view, actions, outcome, self._resizing.before)
            if actions.resize is not None and (note := self._resizing.end(self._pod, outcome.resize_error)):
                self._tell(*note)
        finally:
            if not self._must_end():
                self._report(await self._observe())
        left = [one for one in (outcome.retry, self._left()) if one is not None]
        # Where all went well there may be more to do, such as the next init container.
        return min(left) if outcome.retry is not None else 0.0

    def _decide_resize(self) -> None:
        node = self._services.node
        note = self._resizing.decide(self._pod, lambda pod: node.resize(pod, self._active(pod)))
        if note is not None:
            self._tell(*note)
            # It may have given something back.
            self._freed()

    def _resizes(self, pod: Pod, view: PodView) -> dict[str, Resize] | None:
        if self._resizing.before is None:
            return None
        containers = (*pod.spec.init_containers, *pod.spec.containers)
        limits = {one.name: self._services.preparation.limits(pod, one) for one in containers}
        return resizes_of(pod, view, limits)

    async def _admit(self) -> bool:
        node, active = self._services.node, self._active(self._pod)
        refusal = node.admit(self._pod, active)
        if refusal is not None and await node.make_room(self._pod, active):
            refusal = node.admit(self._pod, self._active(self._pod))
        if refusal is None:
            # From here on others are let in beside this one, although nothing of it is reported yet.
            self.is_admitted = True
            self._resizing.begin(self._pod)
            return True
        self._tell(WARNING, refusal.reason, refusal.message)
        self._set_status(failed_status(self._pod, self._services.now(), refusal.reason, refusal.message))
        return False

    def _left(self) -> float | None:
        # Seconds until the pod has been active for as long as it may.
        deadline, since = self._pod.spec.active_deadline_seconds, self._pod.status.start_time
        if deadline is None or since is None:
            return None
        return max(0.0, since.timestamp() + deadline - self._services.wall())

    async def _observe(self) -> PodView:
        # Before the status that comes of it is reported: of a container that it names, probes believe it.
        view = await self._services.observer.look(self._pod.metadata.uid)
        running = {
            one.name: Running(one.id, one.started_at / 1e9) for one in reversed(view.containers) if one.state == RUNNING
        }
        ips = self._services.node.ips if self._pod.spec.host_network else view.ips
        self._services.probes.watch(self._pod, running, ips[0] if ips else "")
        return view

    def _report(self, view: PodView, *, has_ended: bool = False) -> None:
        node = self._services.node
        pod = self.pod
        resizes = self._resizes(pod, view) or {}
        facts = Facts(
            now=self._services.now(),
            qos_class=node.qos_class(self._pod),
            host_ips=node.ips,
            waiting=self._outcome.waiting,
            known=self._services.probes.verdicts(self._pod.metadata.uid),
            verdict=self._verdict,
            has_ended=has_ended,
            resize=tuple(self._resizing.conditions(self._pod)),
            actual={name: actual_resources(one) for name, one in resizes.items()},
        )
        status = pod_status(pod, view, facts)
        self._set_status(ended_status(status) if has_ended else status)

    def _set_status(self, status: PodStatus) -> None:
        metadata = self._pod.metadata
        stored = self._services.objects.set_status(Pod, metadata.namespace, metadata.name, status, uid=metadata.uid)
        self._pod = replace(self._pod, status=status) if stored is None else stored

    async def _terminate(self) -> None:
        view = await self._observe()
        self._report(view)
        await self._services.stopper.stop_all(self._pod, view, grace_of(self._pod, self._grace))
        view = await self._observe()
        if running := view.running():
            names = ", ".join(one.name for one in running)
            raise StateError(f"pod {self._pod.metadata.name}: still runs after it was stopped: {names}")
        self._services.probes.forget(self._pod.metadata.uid)
        self._report(view)

    async def _finish(self) -> None:
        uid = self._pod.metadata.uid
        if not self._is_clean:
            self._report(await self._services.observer.look(uid), has_ended=True)
            await self._services.preparation.clean_up(uid)
            self._is_clean = True
        if self._is_removed or self._pod.metadata.deletion_timestamp is not None:
            await self._take_away()
            self.stage = Stage.GONE

    async def _take_away(self) -> None:
        services, metadata = self._services, self._pod.metadata
        view = await services.observer.look(metadata.uid)
        for sandbox in view.sandboxes:
            await services.runtime.remove_pod_sandbox(sandbox.id)
        for container in view.containers:
            await services.runtime.remove_container(container.id)
        directory = log_directory(services.logs, metadata.namespace, metadata.name, metadata.uid)
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
        services.observer.forget(metadata.uid)
        services.starter.forget(metadata.uid)
        services.stopper.forget(view)
        services.objects.remove(Pod, metadata.namespace, metadata.name, uid=metadata.uid)

    def _tell(self, type: str, reason: str, message: str) -> None:
        self._services.recorder.record(self._pod, type, reason, message)


def _is_same(before: Pod, after: Pod) -> bool:
    # Apart from what the worker itself writes.
    return (before.spec is after.spec or before.spec == after.spec) and before.status == after.status
