"""Which container is meant, and what is said where there is none."""

from __future__ import annotations

import pytest

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.pod import Pod, PodSpec
from firkin.kubelet.api.pod_status import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    PodStatus,
)
from firkin.kubelet.server.failure import RequestError
from firkin.kubelet.server.resolve import container_name, logged_container, running_container

RUNNING = ContainerState(running=ContainerStateRunning())
ENDED = ContainerState(terminated=ContainerStateTerminated(exit_code=1, container_id="firkin://old"))
NEVER = ContainerState(terminated=ContainerStateTerminated(exit_code=128))


def waiting(reason: str) -> ContainerState:
    return ContainerState(waiting=ContainerStateWaiting(reason=reason))


def pod(*names: str, init: tuple[str, ...] = (), default: str = "", status: ContainerStatus | None = None) -> Pod:
    return Pod(
        metadata=ObjectMeta(name="web", annotations={"kubectl.kubernetes.io/default-container": default}),
        spec=PodSpec(
            containers=[Container(name=one) for one in names], init_containers=[Container(name=one) for one in init]
        ),
        status=PodStatus(container_statuses=[status] if status else []),
    )


@pytest.mark.parametrize(
    ("names", "init", "default", "given", "found"),
    [
        (("a",), (), "", "", "a"),
        (("a", "b"), (), "b", "", "b"),
        (("a", "b"), ("i",), "", "i", "i"),
        (("a", "b"), (), "", "", "a container name must be specified for pod web, choose one of: [a b]"),
        (("a",), ("i", "j"), "gone", "",
         "a container name must be specified for pod web, choose one of: [a] or one of the init containers: [i j]"),
        (("a",), (), "", "c", "container c is not valid for pod web"),
    ],
)  # fmt: skip
def test_names(names: tuple[str, ...], init: tuple[str, ...], default: str, given: str, found: str) -> None:
    try:
        assert container_name(pod(*names, init=init, default=default), given) == found
    except RequestError as error:
        assert (error.status, str(error)) == (400, found)


WHAT = 'container "a" in pod "web"'


@pytest.mark.parametrize(
    ("state", "last", "previous", "found"),
    [
        (RUNNING, ContainerState(), False, "now"),
        (RUNNING, ENDED, True, "old"),
        (RUNNING, ContainerState(), True, f"previous terminated {WHAT} not found"),
        (ENDED, ContainerState(), False, "old"),
        (NEVER, ENDED, False, "old"),
        (NEVER, ContainerState(), False, f"{WHAT} is not available"),
        (waiting("CrashLoopBackOff"), ENDED, False, "old"),
        (waiting("CrashLoopBackOff"), ENDED, True, "old"),
        (waiting("ContainerCreating"), ContainerState(), False, f"{WHAT} is waiting to start: ContainerCreating"),
        (waiting("ErrImagePull"), ContainerState(), False, f"{WHAT} is waiting to start: image can't be pulled"),
        (waiting("ImagePullBackOff"), ContainerState(), False,
         f"{WHAT} is waiting to start: trying and failing to pull image"),
        (ContainerState(), ContainerState(), False, f"{WHAT} is waiting to start - no logs yet"),
    ],
)  # fmt: skip
def test_whose_log(state: ContainerState, last: ContainerState, previous: bool, found: str) -> None:
    status = ContainerStatus(name="a", state=state, last_state=last, container_id="firkin://now")
    try:
        assert logged_container(pod("a", status=status), "a", previous=previous) == found
    except RequestError as error:
        assert (error.status, str(error)) == (400, found)


def test_who_is_not_there() -> None:
    with pytest.raises(RequestError, match=r'container "a" in pod "web" is not available'):
        logged_container(pod("a"), "a", previous=False)
    ended = ContainerStatus(name="a", state=ENDED, container_id="firkin://old")
    for status in (None, ended):
        with pytest.raises(RequestError, match=r'container not found \("a"\)'):
            running_container(pod("a", status=status), "a")
    running = ContainerStatus(name="a", state=RUNNING, container_id="firkin://now")
    assert running_container(pod("a", status=running), "a") == "now"
