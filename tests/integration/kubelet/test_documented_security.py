"""Security contexts of pods such as the documentation of Kubernetes has them: ids, capabilities, system calls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.agent import Node, is_ready, main, manifest, run_together, waits_for
from tests.support.cri_server import IMAGE, CriServer

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

ONCE = "restartPolicy: Never\nterminationGracePeriodSeconds: 1\n"
# What a root process of a container may do, and the same with NET_ADMIN and SYS_TIME.
USUAL, MORE = "00000000a80425fb", "00000000aa0435fb"
STATUS = "grep -E '{}' /proc/1/status"


async def ids_of_the_pod_and_its_volumes(here: Node) -> None:
    spec = f"""{ONCE}securityContext: {{runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [4000]}}
volumes: [{{name: v, emptyDir: {{}}}}]"""
    look = "id -u; id -g; id -G; echo hello > /v/file; stat -c '%u %g' /v/file; stat -c '%a %g' /v"
    more = "volumeMounts: [{name: v, mountPath: /v}]\nsecurityContext: {allowPrivilegeEscalation: false}"
    said = await here.ended(manifest("ids", spec, f"{look}; {STATUS.format('NoNewPrivs')}", more))
    assert said[:2] == ["1000", "3000"] and set(said[2].split()) == {"2000", "3000", "4000"}
    assert said[3:] == ["1000 2000", "2777 2000", "NoNewPrivs:\t1"]


async def the_container_has_the_last_word(here: Node) -> None:
    spec = f"{ONCE}securityContext: {{runAsUser: 1000, runAsGroup: 1000}}"
    said = await here.ended(manifest("last", spec, "id -u; id -g", "securityContext: {runAsUser: 2000}"))
    assert said == ["2000", "1000"]


async def capabilities_are_added(here: Node) -> None:
    look = STATUS.format("Cap(Prm|Eff)")
    assert await here.ended(manifest("usual", ONCE, look)) == [f"CapPrm:\t{USUAL}", f"CapEff:\t{USUAL}"]
    more = 'securityContext: {capabilities: {add: ["NET_ADMIN", "SYS_TIME"]}}'
    assert await here.ended(manifest("more", ONCE, look, more)) == [f"CapPrm:\t{MORE}", f"CapEff:\t{MORE}"]


async def groups_of_the_image(here: Node) -> None:
    # The image has its user web, who is 33, in the group staff, which is 50.
    for policy, groups in (("Merge", [3000, 4000, 50]), ("Strict", [3000, 4000])):
        spec = f"""{ONCE}securityContext:
  {{runAsUser: 33, runAsGroup: 3000, supplementalGroups: [4000], supplementalGroupsPolicy: {policy}}}"""
        (said,) = await here.ended(manifest(policy.lower(), spec, "id -G"))
        assert sorted(map(int, said.split())) == sorted(groups)
        pod = here.pod(policy.lower())
        user = main(pod).user if pod else None
        assert user is not None and user.linux is not None
        assert (user.linux.uid, user.linux.gid, sorted(user.linux.supplemental_groups)) == (33, 3000, sorted(groups))


async def a_user_who_must_not_be_root(here: Node) -> None:
    here.apply(manifest("root", ONCE, "id", "securityContext: {runAsNonRoot: true}"))
    pod = await here.wait("root", waits_for("CreateContainerConfigError"))
    waiting = main(pod).state.waiting
    assert waiting is not None and waiting.message.startswith("container has runAsNonRoot and image will run as root")


async def the_usual_filter_of_system_calls(here: Node) -> None:
    look = STATUS.format("^Seccomp:")
    assert await here.ended(manifest("unfiltered", ONCE, look)) == ["Seccomp:\t0"]
    spec = f"{ONCE}securityContext: {{seccompProfile: {{type: RuntimeDefault}}}}"
    assert await here.ended(manifest("filtered", spec, look)) == ["Seccomp:\t2"]
    more = "securityContext: {seccompProfile: {type: Unconfined}}"
    assert await here.ended(manifest("overridden", spec, look, more)) == ["Seccomp:\t0"]


async def filters_from_files_of_the_node(here: Node) -> None:
    profiles = here.logs.parent / "kubelet" / "seccomp" / "profiles"
    profiles.mkdir(parents=True)
    refused = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}
    for name, profile in {
        "audit": {"defaultAction": "SCMP_ACT_LOG"},
        "violation": {"defaultAction": "SCMP_ACT_ERRNO"},
        "fine": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refused]},
    }.items():
        (profiles / f"{name}.json").write_text(json.dumps(profile))

    def pod(name: str, script: str) -> str:
        profile = f"seccompProfile: {{type: Localhost, localhostProfile: profiles/{name}.json}}"
        return manifest(name, f"{ONCE}securityContext: {{{profile}}}", script)

    assert await here.ended(pod("audit", STATUS.format("^Seccomp:"))) == ["Seccomp:\t2"]
    assert (await here.ended(pod("fine", "mkdir /x 2>/dev/null || echo refused")))[-1] == "refused"
    # Nothing can be executed where nothing is allowed.
    here.apply(pod("violation", "true"))
    ended = main(await here.wait("violation", lambda pod: pod.status.phase == "Failed")).state.terminated
    assert ended is not None and ended.exit_code != 0
    here.apply(pod("missing", "true"))
    await here.wait("missing", waits_for("CreateContainerError"))


async def a_privileged_container(here: Node) -> None:
    look = f"{STATUS.format('CapEff')}; grep -c ' /sys .*ro,' /proc/mounts; test -e /dev/kmsg && echo devices"
    said = await here.ended(manifest("privileged", ONCE, look, "securityContext: {privileged: true}"))
    # All that the runtime itself may do.
    (bounding,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapBnd"))
    assert said == [bounding.replace("CapBnd", "CapEff"), "0", "devices"]


async def a_root_that_is_read_only(here: Node) -> None:
    spec = f"{ONCE}volumes: [{{name: v, emptyDir: {{}}}}]"
    more = "securityContext: {readOnlyRootFilesystem: true}\nvolumeMounts: [{name: v, mountPath: /v}]"
    said = await here.ended(
        manifest("readonly", spec, "touch /x 2>/dev/null || echo refused; touch /v/x && echo allowed", more)
    )
    assert said[-2:] == ["refused", "allowed"]


async def processes_that_are_shared(here: Node) -> None:
    spec = f"""terminationGracePeriodSeconds: 1
shareProcessNamespace: true
initContainers:
- name: web
  image: {IMAGE}
  restartPolicy: Always
  command: [sh, -c, "trap 'echo reloaded' HUP; echo $HOSTNAME > /mark; echo up; while :; do sleep 0.1; done"]"""
    pod = await here.ready(
        manifest("processes", spec, "sleep 1000", "securityContext: {capabilities: {add: [SYS_PTRACE]}}")
    )
    assert await here.execute(pod, "cat /proc/1/comm") != "sh"
    await here.until_said(pod, "up", "web")
    other = (await here.execute(pod, "ps | grep '[r]eloaded' | awk '{print $1}'")).strip()
    assert await here.execute(pod, f"cat /proc/{other}/root/mark") == "processes"
    await here.execute(pod, f"kill -HUP {other}")
    await here.until_said(pod, "reloaded", "web")


def test_security_contexts_do_what_the_documentation_says(shared: CriServer, tmp_path: Path) -> None:
    run_together(
        shared, tmp_path, ids_of_the_pod_and_its_volumes, the_container_has_the_last_word, capabilities_are_added,
        groups_of_the_image, a_user_who_must_not_be_root, the_usual_filter_of_system_calls,
        filters_from_files_of_the_node, a_privileged_container, a_root_that_is_read_only, processes_that_are_shared,
    )  # fmt: skip


async def a_user_namespace(here: Node) -> None:
    spec = f"{ONCE}hostUsers: false\nvolumes: [{{name: v, emptyDir: {{}}}}]"
    look = "cat /proc/self/uid_map; id -u; touch /v/x && stat -c %u /v/x; echo done; sleep 1000"
    pod = await here.wait(
        here.apply(manifest("users", spec, look, "volumeMounts: [{name: v, mountPath: /v}]")).metadata.name, is_ready
    )
    await here.until_said(pod, "done")
    said = here.said(pod)
    inside, outside, length = map(int, said[0].split())
    assert inside == 0 and outside >= 65536 and outside % 65536 == 0 and length == 65536
    assert said[1:3] == ["0", "0"]


def test_a_pod_has_users_of_its_own(shared: CriServer, tmp_path: Path) -> None:
    run_together(shared, tmp_path, a_user_namespace)
