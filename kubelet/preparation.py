"""What the machine has ready for pods: cgroups, volumes, names, environment, limits."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator

from firkin.cri.api.container_pb2 import Mount
from firkin.cri.api.resources_pb2 import LinuxContainerResources
from firkin.errors import CgroupError, KernelError
from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.config import Config
from firkin.kubelet.environment.dns import NodeDns, dns_config, parse_resolv_conf
from firkin.kubelet.environment.expand import expand
from firkin.kubelet.environment.facts import Facts
from firkin.kubelet.environment.hosts import HOSTS_PATH, hosts_text, wants_hosts
from firkin.kubelet.environment.variables import Files, variables
from firkin.kubelet.node import Machine
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.pods.preparation import ContainerRequest, Prepared
from firkin.kubelet.pods.sandbox_config import SandboxSetting, hostname_of
from firkin.kubelet.pods.telling import WARNING, Recorder
from firkin.kubelet.resources.cgroups import PodCgroups
from firkin.kubelet.resources.container import container_resources, sandbox_resources
from firkin.kubelet.user_namespaces import UserNamespaces
from firkin.kubelet.volumes.container_mounts import MountRequest
from firkin.kubelet.volumes.env_files import env_files, wants_files
from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.manager import Volumes

__all__ = ["MachinePreparation"]


class MachinePreparation:
    """Prepares pods on this machine (`firkin.kubelet.pods.preparation.Preparation`).

    `can_be_recursive` says that the runtime can make mounts read-only recursively.
    """

    def __init__(
        self,
        config: Config,
        machine: Machine,
        objects: Objects,
        recorder: Recorder,
        volumes: Volumes,
        cgroups: PodCgroups,
        *,
        can_be_recursive: bool,
    ) -> None:
        self._config = config
        self._machine = machine
        self._objects = objects
        self._recorder = recorder
        self._volumes = volumes
        self._cgroups = cgroups
        self._can_be_recursive = can_be_recursive
        self._user_namespaces = UserNamespaces((uid, volumes.directory(uid)) for uid in volumes.on_disk())

    async def pod(self, pod: Pod) -> SandboxSetting:
        """Make the pod's cgroup and volumes. Raises CgroupError, VolumeError, KernelError, after an event."""
        uid = pod.metadata.uid
        # What there is of the pod is found by this, whatever happens.
        self._volumes.directory(uid)
        try:
            parent = await self._cgroups.ensure(pod)
        except CgroupError as error:
            message = f"unable to ensure pod container exists: {error}"
            self._recorder.record(pod, WARNING, "FailedToCreatePodContainer", message)
            raise
        try:
            await self._volumes.mount(pod)
        except VolumeError as error:
            self._recorder.record(pod, WARNING, "FailedMount", str(error))
            raise
        dns = dns_config(pod, await asyncio.to_thread(self._node_dns))
        for reason, message in dns.warnings:
            # Where there is no cluster, that it has no DNS is no news.
            if reason != "MissingClusterDNS":
                self._recorder.record(pod, WARNING, reason, message)
        user_namespace = None
        if pod.spec.host_users is False:
            user_namespace = self._user_namespaces.take(uid, self._volumes.directory(uid))
        resources, overhead = sandbox_resources(pod, self._config.resources)
        return SandboxSetting(
            logs=self._config.logs,
            seccomp_root=os.path.join(self._config.root, "seccomp"),
            cgroup_parent=parent,
            cluster_domain=self._config.cluster_domain,
            dns=dns.config,
            user_namespace=user_namespace,
            resources=resources,
            overhead=overhead if pod.spec.overhead else None,
        )

    async def container(self, request: ContainerRequest) -> Prepared:
        """Make what a container needs: its mounts, its /etc/hosts, the file of its last words. Raises FirkinError."""
        pod, container = request.pod, request.container
        files = await self._env_files(pod, container)
        environment = variables(pod, container, self._objects, self._facts(pod, request.pod_ips), files)
        values = dict(environment)
        mounts = await self._volumes.mounts(
            MountRequest(
                pod=pod,
                container=container,
                environment=values,
                images=request.images,
                can_be_recursive=self._can_be_recursive,
            )
        )
        try:
            own = await asyncio.to_thread(lambda: list(self._own_mounts(request)))
        except OSError as error:
            raise KernelError(f"prepare container {container.name}: {error.filename}", error.errno or 0) from error
        return Prepared(
            command=[expand(one, values.get) for one in container.command],
            args=[expand(one, values.get) for one in container.args],
            environment=environment,
            mounts=[*mounts, *own],
            resources=self.limits(pod, container),
        )

    async def _env_files(self, pod: Pod, container: Container) -> Files:
        if not wants_files(container):
            return {}
        places = {name: path for name, (path, _) in self._volumes.empty_dirs(pod, on_disk=False).items()}
        return await asyncio.to_thread(env_files, pod, container, places)

    def limits(self, pod: Pod, container: Container) -> LinuxContainerResources:
        """The limits of a container."""
        return container_resources(pod, container, self._cgroups.limiting)

    async def widen(self, *pods: Pod) -> None:
        """Give the cgroup of a pod limits that are wide enough for it in each of these states. Raises CgroupError."""
        await self._cgroups.ensure(*pods)

    async def clean_up(self, uid: str) -> None:
        """Take away the volumes and the cgroup of a pod. Raises VolumeError, CgroupError."""
        await self._volumes.unmount(uid)
        await self._cgroups.remove(uid)
        self._user_namespaces.give_back(uid)

    def on_disk(self) -> set[str]:
        """The uids of the pods of which something is left."""
        return self._volumes.on_disk()

    def _facts(self, pod: Pod, ips: tuple[str, ...]) -> Facts:
        return Facts(host_ips=self._machine.ips, pod_ips=ips, allocatable=self._machine.allocatable.quantities())

    def _node_dns(self) -> NodeDns:
        try:
            with open(self._config.resolv_conf, encoding="utf-8", errors="replace") as file:
                servers, searches, options = parse_resolv_conf(file.read())
        except FileNotFoundError:
            servers = searches = options = ()
        except OSError as error:
            raise KernelError(f"read {self._config.resolv_conf}", error.errno or 0) from error
        return NodeDns(servers, searches, options, self._config.cluster_dns, self._config.cluster_domain)

    def _own_mounts(self, request: ContainerRequest) -> Iterator[Mount]:
        directory = self._volumes.directory(request.pod.metadata.uid)
        if wants_hosts(request.pod, request.container, request.pod_ips):
            yield Mount(container_path=HOSTS_PATH, host_path=self._write_hosts(request, directory))
        if path := request.container.termination_message_path:
            yield Mount(container_path=path, host_path=_last_words(directory, request.container))

    def _write_hosts(self, request: ContainerRequest, directory: str) -> str:
        name, domain = hostname_of(request.pod, self._config.cluster_domain)
        text = hosts_text(request.pod, request.pod_ips, name, domain=domain, of_node=_text_of(HOSTS_PATH))
        path = os.path.join(directory, "etc-hosts")
        # Written in place: running containers have this file mounted.
        with open(path, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(text)
        return path


def _text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _last_words(directory: str, container: Container) -> str:
    folder = os.path.join(directory, "containers", container.name)
    os.makedirs(folder, 0o750, exist_ok=True)
    # Each container that this one has had has a file of its own.
    path = os.path.join(folder, secrets.token_hex(4))
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    try:
        os.fchmod(fd, 0o666)
    finally:
        os.close(fd)
    return path
