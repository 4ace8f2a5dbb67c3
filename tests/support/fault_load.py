"""Clients that want pods of a CRI server as a kubelet does: whatever fails because there is no server is asked again.

Each pod lives once: it is made with its containers, things are asked of them, it is stopped and removed. What must have
become of each container, by its exit code and its log, is known to who made it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from tests.support.cri_client import CriClient
from tests.support.cri_server import IMAGE, CriServer
from tests.support.waiting import SECONDS, eventually

__all__ = ["Box", "Client", "Load"]

CREATED, RUNNING, EXITED = 0, 1, 2
_TERMINATED, _KILLED, _LOST = 143, 137, 255
_AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
_KINDS = {
    # It ends by itself; it ends when it is asked to; it has to be killed.
    "ending": "i=0; while [ $i -lt {most} ]; do i=$((i+1)); echo $i; done; exit {code}",
    "polite": "trap 'exit {code}' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done",
    "deaf": "trap '' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done",
}


class Box:
    """One container: its `id`, `kind`, `log`, and how it ends if nobody kills its monitor (`doomed` says so).

    `process` is what is said of its first process once it was started.
    """

    def __init__(self, id: str, kind: str, log: Path, *, code: int, most: int) -> None:
        self.id = id
        self.kind = kind
        self.log = log
        self.code = code
        self.most = most
        self.doomed = False
        self.process: dict[str, str] = {}

    def check_end(self, status: Any) -> None:
        """See that the container has ended as it must. Raises AssertionError."""
        # Who is asked to end may not have said yet how it will.
        early = {_KILLED, _TERMINATED}
        expected = {"ending": {self.code}, "polite": {self.code, *early}, "deaf": early}[self.kind]
        if self.kind == "ending" and status.exit_code in early:
            # It was killed before it came to its end; then its log does not have all.
            assert len(self.numbers()) <= self.most, self
        elif not (self.doomed and (status.exit_code, status.reason) == (_LOST, "ContainerStatusUnknown")):
            assert status.exit_code in expected, f"{self}: {status}"

    def check_log(self, status: Any) -> None:
        """See that what it wrote is there once and in order, and all of it if it came to its end."""
        numbers = self.numbers()
        assert numbers == list(range(1, len(numbers) + 1)), f"{self}: {numbers[-20:]}"
        if status is not None and self.kind == "ending" and status.exit_code == self.code:
            assert len(numbers) == self.most, f"{self}: {len(numbers)} lines"

    def numbers(self) -> list[int]:
        """What is in the log."""
        *lines, rest = self.log.read_text().split("\n") if self.log.exists() else [""]
        # A monitor that is killed while the kernel copies its last line leaves a part of that.
        assert not rest or self.doomed, f"{self}: {rest!r}"
        # Only whole lines: a container that is killed in the middle of one leaves a part, which is marked so.
        return [int(text) for _, _, tag, text in (line.split(" ", 3) for line in lines) if tag == "F"]

    def __str__(self) -> str:
        return f"container {self.id}, {self.kind}, code {self.code}, {self.most} lines, doomed {self.doomed}"


class Client(threading.Thread):
    """One client, which makes pods until the load ends, or one fails: then `failure` says why."""

    def __init__(self, load: Load, number: int, seed: str) -> None:
        super().__init__(name=f"client {number}")
        self._load = load
        self._number = number
        self._random = random.Random(f"{seed} client {number}")
        self._cri = CriClient(str(load.server.socket))
        self.pods = 0
        self.containers = 0
        self.retries = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._load.ending.is_set():
                self._live()
                self.pods += 1
        except BaseException as error:
            self.failure = error
            self._load.ending.set()
        finally:
            self._cri.close()

    def call(self, name: str, **request: Any) -> Any:
        """A call that is made until there is an answer. Raises grpc.RpcError for a refusal."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                return self._cri(name, SECONDS, **request)
            except grpc.RpcError as error:
                if error.code() not in _AGAIN or time.monotonic() > deadline:
                    raise
                self.retries += 1
                self._cri.wait_ready(SECONDS)

    def _live(self) -> None:
        config = self._pod_config()
        pod = self.call("RunPodSandbox", config=config).pod_sandbox_id
        boxes = [self._begin(pod, config, name) for name in ("a", "b")[: self._random.randint(1, 2)]]
        for _ in range(self._random.randint(0, 3)):
            self._random.choice((self._exec, self._look, self._update, self._reopen))(self._random.choice(boxes))
        ends = {box.id: self._end(box) for box in boxes if self._random.random() < 0.7}
        if self._random.random() < 0.8:
            self.call("StopPodSandbox", pod_sandbox_id=pod)
            assert self.call("PodSandboxStatus", pod_sandbox_id=pod).status.state == 1
            for box in boxes:
                ends[box.id] = self._status(box)
                box.check_end(ends[box.id])
        if self._random.random() < 0.5:
            self.call("RemoveContainer", container_id=boxes[0].id)
        self._load.forget(boxes)
        self.call("RemovePodSandbox", pod_sandbox_id=pod)
        for box in boxes:
            box.check_log(ends.get(box.id))
            assert self._is_gone("ContainerStatus", container_id=box.id)
        assert self._is_gone("PodSandboxStatus", pod_sandbox_id=pod)

    def _pod_config(self) -> dict[str, Any]:
        name = f"c{self._number}-{self.pods}"
        ports = []
        if self._random.random() < 0.3:
            ports = [{"protocol": 0, "container_port": 80, "host_port": 21000 + self._number}]
        pid = self._random.choice((0, 1))
        parent = f"/{self._load.server.cgroup}/pods"
        return {
            "metadata": {"name": name, "namespace": "faults", "uid": f"uid-{self._load.name}-{name}"},
            "hostname": name,
            "log_directory": str(self._load.server.place / "logs" / self._load.name / name),
            "port_mappings": ports,
            "linux": {"cgroup_parent": parent, "security_context": {"namespace_options": {"pid": pid}}},
        }

    def _begin(self, pod: str, pod_config: dict[str, Any], name: str) -> Box:
        kind = self._random.choice(tuple(_KINDS))
        code, most = self._random.randint(1, 100), self._random.randint(1, 3000)
        config = {
            "metadata": {"name": name},
            "image": {"image": IMAGE},
            "command": ["sh", "-c", _KINDS[kind].format(code=code, most=most)],
            "log_path": f"{name}.log",
            "linux": {"security_context": pod_config["linux"]["security_context"]},
        }
        id = self.call("CreateContainer", pod_sandbox_id=pod, config=config, sandbox_config=pod_config).container_id
        self.containers += 1
        box = Box(id, kind, Path(pod_config["log_directory"], f"{name}.log"), code=code, most=most)
        self._start(box)
        box.process = dict(self.call("ContainerStatus", container_id=id, verbose=True).info)
        self._load.know(box)
        return box

    def _start(self, box: Box) -> None:
        while self._status(box).state == CREATED:
            try:
                self._cri("StartContainer", SECONDS, container_id=box.id)
            except grpc.RpcError as error:
                # The state tells whether it was started by a request that was not answered.
                if error.code() not in _AGAIN:
                    raise
                self.retries += 1
                self._cri.wait_ready(SECONDS)

    def _status(self, box: Box) -> Any:
        return self.call("ContainerStatus", container_id=box.id).status

    def _end(self, box: Box) -> Any:
        if box.kind == "ending" and self._random.random() < 0.8:
            status = eventually(lambda: self._status(box), lambda found: found.state == EXITED)
        else:
            # A deaf one has its second.
            self.call("StopContainer", container_id=box.id, timeout=self._random.choice((0, 1, 60)[: 2 + _asks(box)]))
            status = self._status(box)
        assert status.state == EXITED, f"{box}: {status}"
        box.check_end(status)
        return status

    def _exec(self, box: Box) -> None:
        try:
            found = self._cri("ExecSync", SECONDS, container_id=box.id, cmd=["sh", "-c", "echo here; exit 3"])
        except grpc.RpcError as error:
            # It has ended, or the server has; a program is not run twice.
            assert error.code() in (*_AGAIN, grpc.StatusCode.FAILED_PRECONDITION), f"{box}: {error}"
            return
        # With its container it is killed.
        assert (found.stdout, found.exit_code) == (b"here\n", 3) or found.exit_code == _KILLED, found

    def _look(self, box: Box) -> None:
        assert box.id in {one.id for one in self.call("ListContainers").containers}
        found = self.call("ContainerStatus", container_id=box.id, verbose=True)
        # It is not started twice.
        assert dict(found.info) == box.process, f"{box}: {found}, was {box.process}"
        self.call("ListContainerStats")

    def _update(self, box: Box) -> None:
        self._tolerant("UpdateContainerResources", box, linux={"oom_score_adj": 5})

    def _reopen(self, box: Box) -> None:
        self._tolerant("ReopenContainerLog", box)

    def _tolerant(self, name: str, box: Box, **request: Any) -> None:
        try:
            self.call(name, container_id=box.id, **request)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.FAILED_PRECONDITION, error
            # It has ended, which the server may be told of a moment later.
            eventually(lambda: self._status(box), lambda found: found.state == EXITED)

    def _is_gone(self, name: str, **request: str) -> bool:
        try:
            self.call(name, **request)
        except grpc.RpcError as error:
            return bool(error.code() == grpc.StatusCode.NOT_FOUND)
        return False


def _asks(box: Box) -> bool:
    # Whether it may be asked with patience.
    return box.kind != "deaf"


class Load:
    """Clients at work on `server`; `name` is part of the names of their pods, `ending` says that they are to end."""

    def __init__(self, server: CriServer, name: str, seed: str, clients: int) -> None:
        self.server = server
        self.name = name
        self.ending = threading.Event()
        self._lock = threading.Lock()
        self._boxes: dict[str, Box] = {}
        self.clients = [Client(self, number, seed) for number in range(clients)]

    def know(self, box: Box) -> None:
        """A container was started."""
        with self._lock:
            self._boxes[box.id] = box

    def forget(self, boxes: list[Box]) -> None:
        """Containers are about to be removed."""
        with self._lock:
            for box in boxes:
                self._boxes.pop(box.id, None)

    def doom(self, choose: Callable[[list[Box]], Box]) -> Box | None:
        """One of the containers that were started, whose monitor may be killed from now on; None if there is none."""
        with self._lock:
            boxes = list(self._boxes.values())
            if not boxes:
                return None
            box = choose(boxes)
            box.doomed = True
            return box

    def start(self) -> None:
        """Let them begin."""
        for client in self.clients:
            client.start()

    def finish(self) -> None:
        """Let each finish its pod. Raises what failed first."""
        self.ending.set()
        for client in self.clients:
            client.join()
        for client in self.clients:
            if client.failure:
                raise client.failure
