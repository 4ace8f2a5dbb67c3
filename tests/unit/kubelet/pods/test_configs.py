"""Pods and containers as CRI is told: names, ports, security contexts, identity."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from firkin.cri.api import container_pb2, security_pb2
from firkin.cri.api.resources_pb2 import LinuxContainerResources
from firkin.kubelet.api.config import Secret
from firkin.kubelet.api.container import ContainerPort
from firkin.kubelet.api.probe import ExecAction, Lifecycle, LifecycleHandler
from firkin.kubelet.api.security import (
    AppArmorProfile,
    Capabilities,
    PodSecurityContext,
    SeccompProfile,
    SecurityContext,
    Sysctl,
)
from firkin.kubelet.pods.container_config import ContainerSetting, container_config
from firkin.kubelet.pods.credentials import credentials_for
from firkin.kubelet.pods.identity import container_annotations, container_hash
from firkin.kubelet.pods.pull import pull_policy
from firkin.kubelet.pods.sandbox_config import SandboxSetting, hostname_of, sandbox_config
from firkin.kubelet.pods.security import ImageUser, container_security
from firkin.kubelet.pods.start_error import StartError
from tests.support.pod_tables import container, make_pod, sidecar

SETTING = SandboxSetting(logs="/logs", seccomp_root="/profiles", cgroup_parent="/kubepods/poduid")
Profile = security_pb2.SecurityProfile


def test_a_sandbox_is_named_and_labelled_for_its_pod() -> None:
    config = sandbox_config(make_pod(), 3, SETTING)
    assert (config.metadata.name, config.metadata.uid, config.metadata.attempt) == ("web", "uid", 3)
    assert config.hostname == "web"
    assert config.log_directory == "/logs/default_web_uid"
    assert config.linux.cgroup_parent == "/kubepods/poduid"
    assert dict(config.labels) == {
        "io.kubernetes.pod.name": "web",
        "io.kubernetes.pod.namespace": "default",
        "io.kubernetes.pod.uid": "uid",
    }


@pytest.mark.parametrize(
    ("spec", "name", "domain"),
    [
        ({}, "web", ""),
        ({"hostname": "h"}, "h", ""),
        ({"subdomain": "sub"}, "web", "sub.default.svc.cluster.local"),
        ({"subdomain": "sub", "set_hostname_as_fqdn": True}, "web.sub.default.svc.cluster.local", "*"),
        ({"hostname_override": "other", "hostname": "h"}, "other", ""),
    ],
)
def test_the_name_of_the_host(spec: dict[str, Any], name: str, domain: str) -> None:
    found = hostname_of(make_pod(**spec), "cluster.local")
    assert found[0] == name
    assert found[1] == domain or domain == "*"


def test_a_name_that_the_kernel_can_not_have_is_refused() -> None:
    with pytest.raises(StartError, match="64 characters is the max, 67"):
        hostname_of(make_pod(hostname="h" * 37, subdomain="sub", set_hostname_as_fqdn=True), "cluster.local")


def test_ports_are_those_of_containers_and_sidecars() -> None:
    port = [ContainerPort(container_port=80, host_port=8080, host_ip="192.0.2.1", protocol="UDP")]
    init = [container("i", ports=port), sidecar("s", ports=port)]
    config = sandbox_config(make_pod(container("a", ports=port), init=init), 0, SETTING)
    assert [(one.container_port, one.host_port, one.host_ip) for one in config.port_mappings] == [
        (80, 8080, "192.0.2.1")
    ] * 2
    assert not sandbox_config(make_pod(container("a", ports=port), host_network=True), 0, SETTING).port_mappings


def test_namespaces_and_sysctls_of_a_pod() -> None:
    context = PodSecurityContext(sysctls=[Sysctl(name="net/core/somaxconn", value="9")], fs_group=7)
    shared = make_pod(share_process_namespace=True, host_ipc=True, security_context=context)
    linux = sandbox_config(shared, 0, SETTING).linux
    options = linux.security_context.namespace_options
    assert (options.network, options.pid, options.ipc) == (security_pb2.POD, security_pb2.POD, security_pb2.NODE)
    assert dict(linux.sysctls) == {"net.core.somaxconn": "9"}
    assert list(linux.security_context.supplemental_groups) == [7]
    assert linux.security_context.seccomp.profile_type == Profile.RuntimeDefault
    of_node = sandbox_config(make_pod(host_network=True, host_pid=True), 0, SETTING)
    options = of_node.linux.security_context.namespace_options
    assert (options.network, options.pid, of_node.hostname) == (security_pb2.NODE, security_pb2.NODE, "")
    alone = sandbox_config(make_pod(), 0, SETTING).linux.security_context.namespace_options
    assert alone.pid == security_pb2.CONTAINER


def security(own: SecurityContext | None, shared: PodSecurityContext | None = None, **more: Any) -> Any:
    one = container("a", security_context=own)
    pod = make_pod(one, security_context=shared or PodSecurityContext())
    return container_security(pod, one, more.pop("user", ImageUser()), seccomp_root="/profiles", **more)


def test_what_the_container_says_goes_before_what_the_pod_says() -> None:
    shared = PodSecurityContext(
        run_as_user=1, run_as_group=2, supplemental_groups=[3], fs_group=4, supplemental_groups_policy="Strict",
        seccomp_profile=SeccompProfile(type="RuntimeDefault"), app_armor_profile=AppArmorProfile(type="Unconfined"),
    )  # fmt: skip
    found = security(SecurityContext(run_as_user=5), shared)
    assert (found.run_as_user.value, found.run_as_group.value) == (5, 2)
    assert list(found.supplemental_groups) == [4, 3]
    assert found.supplemental_groups_policy == security_pb2.Strict
    assert found.seccomp.profile_type == Profile.RuntimeDefault
    assert found.apparmor.profile_type == Profile.Unconfined
    own = SecurityContext(
        seccomp_profile=SeccompProfile(type="Localhost", localhost_profile="web.json"),
        app_armor_profile=AppArmorProfile(type="Localhost", localhost_profile="web"),
    )
    found = security(own, shared)
    assert (found.seccomp.profile_type, found.seccomp.localhost_ref) == (Profile.Localhost, "/profiles/web.json")
    assert (found.apparmor.profile_type, found.apparmor.localhost_ref) == (Profile.Localhost, "web")


def test_a_container_that_says_nothing_is_unconfined_and_has_the_paths_of_proc_masked() -> None:
    found = security(None)
    assert found.seccomp.profile_type == Profile.Unconfined
    assert not found.HasField("apparmor")
    assert "/proc/kcore" in found.masked_paths
    assert "/proc/sys" in found.readonly_paths
    assert not found.HasField("run_as_user")
    unmasked = security(SecurityContext(proc_mount="Unmasked"))
    assert not unmasked.masked_paths and not unmasked.readonly_paths


def test_privileges() -> None:
    own = SecurityContext(
        privileged=True, read_only_root_filesystem=True, allow_privilege_escalation=False,
        capabilities=Capabilities(add=["NET_ADMIN"], drop=["ALL"]),
    )  # fmt: skip
    found = security(own)
    assert (found.privileged, found.readonly_rootfs, found.no_new_privs) == (True, True, True)
    assert list(found.capabilities.add_capabilities) == ["NET_ADMIN"]
    assert list(found.capabilities.drop_capabilities) == ["ALL"]
    assert not security(SecurityContext(allow_privilege_escalation=True)).no_new_privs
    assert not security(SecurityContext()).no_new_privs


def test_the_user_of_the_image_counts_where_nobody_else_says() -> None:
    assert security(None, user=ImageUser(uid=33)).run_as_user.value == 33
    assert security(None, user=ImageUser(name="web")).run_as_username == "web"
    found = security(SecurityContext(run_as_user=0), user=ImageUser(name="web"))
    assert (found.run_as_user.value, found.run_as_username, found.HasField("run_as_user")) == (0, "", True)


@pytest.mark.parametrize(
    ("own", "user", "reason"),
    [
        (SecurityContext(run_as_non_root=True), ImageUser(), "image will run as root"),
        (SecurityContext(run_as_non_root=True), ImageUser(uid=0), "image will run as root"),
        (SecurityContext(run_as_non_root=True), ImageUser(name="web"), r"non-numeric user \(web\)"),
        (SecurityContext(run_as_non_root=True, run_as_user=0), ImageUser(), "runAsUser breaks non-root policy"),
        (SecurityContext(run_as_non_root=True), ImageUser(uid=33), ""),
        (SecurityContext(run_as_non_root=True, run_as_user=33), ImageUser(), ""),
        (SecurityContext(run_as_non_root=False), ImageUser(), ""),
    ],
)
def test_who_must_not_be_root(own: SecurityContext, user: ImageUser, reason: str) -> None:
    if not reason:
        assert security(own, PodSecurityContext(run_as_non_root=True), user=user)
        return
    with pytest.raises(StartError, match=reason) as caught:
        security(own, user=user)
    assert caught.value.reason == "CreateContainerConfigError"
    assert '(pod: "web_default(uid)", container: a)' in str(caught.value)


def test_an_ephemeral_container_sees_the_processes_of_its_target() -> None:
    options = security(None, target="id").namespace_options
    assert (options.pid, options.target_id) == (security_pb2.TARGET, "id")


def test_a_container_as_the_runtime_is_told() -> None:
    stop = Lifecycle(stop_signal="SIGUSR1", pre_stop=LifecycleHandler(exec=ExecAction(command=["bye"])))
    one = container("a", lifecycle=stop, tty=True, working_dir="/w", ports=[ContainerPort(container_port=80)])
    setting = ContainerSetting(
        image_ref="sha256:1", restart_count=2, command=["c"], args=["d"], environment=[("K", "v")], mounts=[],
        resources=LinuxContainerResources(cpu_shares=2), security=security(None),
    )  # fmt: skip
    config = container_config(make_pod(one), one, setting)
    assert (config.metadata.name, config.metadata.attempt, config.log_path) == ("a", 2, "a/2.log")
    assert (config.image.image, config.image.user_specified_image) == ("sha256:1", "image")
    assert (list(config.command), list(config.args)) == (["c"], ["d"])
    assert [(one.key, one.value) for one in config.envs] == [("K", b"v")]
    assert config.stop_signal == container_pb2.SIGNAL_SIGUSR1
    assert (config.tty, config.working_dir, config.linux.resources.cpu_shares) == (True, "/w", 2)
    notes = dict(config.annotations)
    assert notes["io.kubernetes.container.restartCount"] == "2"
    assert json.loads(notes["io.kubernetes.container.preStopHandler"]) == {"exec": {"command": ["bye"]}}
    assert json.loads(notes["io.kubernetes.container.ports"])[0]["containerPort"] == 80


def test_the_hash_is_that_of_the_kubelet_and_depends_on_image_and_name_alone() -> None:
    # FNV-1a of {"image":"nginx","name":"web"}.
    assert container_hash(container("a")) == container_hash(container("a", tty=True, args=["x"]))
    assert container_hash(container("a")) != container_hash(container("b"))
    assert container_annotations(make_pod(), container("a"), 0)["io.kubernetes.pod.terminationGracePeriod"] == "30"


@pytest.mark.parametrize(
    ("policy", "image", "counts"),
    [
        ("", "app", "Always"), ("", "app:latest", "Always"), ("", "app:1", "IfNotPresent"),
        ("", "app@sha256:" + 64 * "0", "IfNotPresent"), ("Never", "app", "Never"),
    ],
)  # fmt: skip
def test_when_an_image_is_pulled(policy: str, image: str, counts: str) -> None:
    assert pull_policy(policy, image) == counts


def secret(**auths: dict[str, str]) -> Secret:
    document = {"auths": {key.replace("__", "/").replace("_", "."): entry for key, entry in auths.items()}}
    return Secret(data={".dockerconfigjson": json.dumps(document).encode()})


def test_credentials_are_for_a_registry_or_a_part_of_it() -> None:
    plain, deep = {"username": "u", "password": "p"}, {"auth": base64.b64encode(b"v:q:r").decode()}
    secrets = [secret(registry_example=plain, registry_example__team=deep)]
    found = credentials_for("registry.example/team/app:1", secrets)
    assert [(one.username, one.password) for one in found] == [("v", "q:r"), ("u", "p")]
    assert [one.username for one in credentials_for("registry.example/teams/app", secrets)] == ["u"]
    assert credentials_for("other.example/app", secrets) == []
    assert credentials_for("Not An Image", secrets) == []


def test_credentials_of_the_hub_and_with_a_star() -> None:
    legacy = Secret(data={".dockercfg": json.dumps({"https://index.docker.io/v1/": {"username": "hub"}}).encode()})
    assert [one.username for one in credentials_for("busybox", [legacy])] == ["hub"]
    star = Secret(data={".dockercfg": json.dumps({"*.example": {"username": "star"}}).encode()})
    assert [one.username for one in credentials_for("a.example/app", [star])] == ["star"]
    assert credentials_for("a.b.example/app", [star]) == []
    assert credentials_for("busybox", [Secret(data={".dockercfg": b"no json"})]) == []
