"""AppArmor: what the kernel confines a container by, and what it does not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.support.bundle import Bundle, Firkin
from tests.support.cri_server import CriServer
from tests.support.netns import world
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "apparmor", "apparmor_parser")

PROFILE = "firkin-test"
TEXT = f"profile {PROFILE} flags=(attach_disconnected) {{\n  file,\n  capability,\n  deny /etc/secret r,\n}}\n"
CURRENT = "cat /proc/self/attr/apparmor/current"


@pytest.fixture(scope="module")
def profile() -> Iterator[str]:
    for option in ("--replace", "--remove"):
        subprocess.run(["apparmor_parser", "--skip-cache", option], input=TEXT.encode(), check=True)
        if option == "--replace":
            yield PROFILE


def with_secret(bundle: Bundle) -> Bundle:
    (bundle.rootfs / "etc").mkdir(exist_ok=True)
    (bundle.rootfs / "etc/secret").write_text("secret\n")
    return bundle


def test_a_container_is_confined_and_so_is_what_is_executed_in_it(firkin: Firkin, bundle: Bundle, profile: str) -> None:
    with_secret(bundle).process["apparmorProfile"] = profile
    id = firkin.start(bundle.shell("sleep 1000"))
    assert firkin("exec", id, "sh", "-c", CURRENT).stdout == f"{profile} (enforce)\n"
    assert "Permission denied" in firkin("exec", id, "cat", "/etc/secret", check=False).stderr
    assert firkin("exec", "--apparmor", "unconfined", id, "cat", "/etc/secret").stdout == "secret\n"


def test_who_may_not_be_signalled_ends_all_the_same(firkin: Firkin, bundle: Bundle, profile: str) -> None:
    # The profile has no rule for signals.
    bundle.process["apparmorProfile"] = profile
    id = firkin.start(bundle.shell("sleep 1000"))
    assert "needs `signal (receive)" in firkin("kill", id, "TERM", check=False).stderr
    firkin("kill", id, "KILL")
    eventually(lambda: firkin.state(id)["status"] == "stopped")


@pytest.mark.requires("userns")
def test_without_new_privileges_and_in_a_user_namespace_too(firkin: Firkin, bundle: Bundle, profile: str) -> None:
    bundle.user_namespace().process.update(apparmorProfile=profile, noNewPrivileges=True)
    assert firkin.run(bundle.shell(CURRENT)) == f"{profile} (enforce)\n"


def test_a_profile_that_is_not_loaded_is_named(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["apparmorProfile"] = "no-such-profile"
    done = firkin("run", "-b", bundle.save(), firkin.new_id(), check=False)
    assert "process.apparmorProfile: 'no-such-profile': is not loaded into the kernel" in done.stderr


@pytest.mark.requires("bridge")
def test_profiles_of_pods(tmp_path: Path, profile: str) -> None:
    with world(tmp_path):
        server = CriServer(tmp_path / "cri")
        server.start()
        pod = server.pod()

        def current(name: str, **context: Any) -> str:
            security = {"namespace_options": {"pid": 1}, **context}
            id = server.run(pod, "sleep 1000", name, linux={"security_context": security})
            return str(server.exec(id, "sh", "-c", CURRENT).stdout.decode().strip())

        assert current("usual") == "firkin-default (enforce)"
        assert current("privileged", privileged=True) == "unconfined"
        assert current("unconfined", apparmor={"profile_type": 1}) == "unconfined"
        assert current("named", apparmor={"profile_type": 2, "localhost_ref": profile}) == f"{profile} (enforce)"
        assert current("old", apparmor_profile=f"localhost/{profile}") == f"{profile} (enforce)"
        with pytest.raises(grpc.RpcError, match="'other', which is not loaded"):
            current("other", apparmor={"profile_type": 2, "localhost_ref": "other"})
        assert_the_default_confines(server, pod)
        server.clean_up()


def assert_the_default_confines(server: CriServer, pod: str) -> None:
    rights = {"add_capabilities": ["SYS_ADMIN"]}
    context = {"namespace_options": {"pid": 1}, "capabilities": rights}
    id = server.run(pod, "sleep 1000", "confined", linux={"security_context": context})
    script = "mount -t tmpfs tmpfs /mnt; echo h > /proc/sysrq-trigger; echo ok > /file && cat /file && kill -0 $$"
    found = server.exec(id, "sh", "-c", f"mkdir -p /mnt; {script}")
    assert found.exit_code == 0, found.stderr
    assert found.stdout == b"ok\n"
    assert found.stderr.lower().count(b"permission denied") == 2, found.stderr


def test_features_say_so(firkin: Firkin) -> None:
    assert json.loads(firkin("features").stdout)["linux"]["apparmor"] == {"enabled": True}
