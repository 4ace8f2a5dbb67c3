"""SIGHUP: what can change does, of the rest the log says that it waits, and nothing that runs is disturbed."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.cni_plugins import FileNetwork
from tests.support.cri_server import IMAGE, CriServer
from tests.support.netns import World, run
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

READ = "the configuration was read anew"


def reload(server: CriServer, settings: str, said: str = READ) -> str:
    """Reload with other settings; returns what is logged until `said` is."""
    server.configure(settings)
    before = len(server.log())
    os.kill(server.pid, signal.SIGHUP)
    eventually(lambda: said in server.log()[before:])
    return server.log()[before:]


def test_what_can_change_does_and_the_rest_is_said_by_key(cri: CriServer) -> None:
    pod = cri.pod()
    assert not cri("ImageStatus", image={"image": IMAGE}).image.pinned
    said = reload(
        cri, f'[cri]\nlog_level = "info"\nsocket = "/elsewhere.sock"\n[cri.images]\npinned = ["{IMAGE}"]\n'
    )  # fmt: skip
    assert "cri.socket: /elsewhere.sock counts from the next start of the server on" in said
    assert "2 of 3 changes are in force" in said
    assert cri("ImageStatus", image={"image": IMAGE}).image.pinned
    assert "call=ImageStatus" not in cri.log().partition(READ)[2]
    assert cri.status(cri.run(pod, "sleep 1000")).state == 1


def test_a_configuration_that_is_wrong_changes_nothing(cri: CriServer) -> None:
    said = reload(cri, f'[cri]\nlog_level = "loud"\n[cri.images]\npinned = ["{IMAGE}"]\n', "nothing is changed")
    assert "'loud' is none of" in said
    assert not cri("ImageStatus", image={"image": IMAGE}).image.pinned
    assert reload(cri, "").count("0 of 0 changes") == 1


def test_pods_of_a_network_that_was_left_are_detached_from_it(cri: CriServer) -> None:
    network = FileNetwork(cri.place / "plugins")
    (cri.place / "other").mkdir()
    (cri.place / "other" / "10-files.conflist").write_text(json.dumps(network.configuration()))
    bridged = cri.pod()
    reload(cri, '[cri.network]\nconfig_directory = "{place}/other"\n')
    pod = cri.pod()
    assert network.leases == [pod]
    reload(cri, "")
    cri("RemovePodSandbox", pod_sandbox_id=pod)
    assert network.leases == []
    for one in (bridged, cri.pod()):
        assert cri("PodSandboxStatus", pod_sandbox_id=one).status.network.ip.startswith("10.66.")


def test_the_log_goes_on_in_a_new_file_when_the_old_one_was_moved(cri: CriServer) -> None:
    file = cri.place / "firkin.log"
    settings = f'[cri]\nlog_file = "{file}"\n'
    cri.configure(settings)
    os.kill(cri.pid, signal.SIGHUP)
    eventually(lambda: file.exists() and READ in file.read_text())
    assert file.stat().st_mode & 0o777 == 0o640
    file.rename(cri.place / "old.log")
    os.kill(cri.pid, signal.SIGHUP)
    eventually(lambda: file.exists() and "0 of 0 changes" in file.read_text())
    cri("Version")
    assert "call=Version" in file.read_text()
    assert "call=Version" not in (cri.place / "old.log").read_text()
    file.unlink()
    file.mkdir()
    os.kill(cri.pid, signal.SIGHUP)
    eventually(lambda: "cri.log stays as it was: open the log" in _deleted(cri.pid, file))


def _deleted(pid: int, file: Path) -> str:
    """What is in a file that was deleted while the process has it open."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{fd}"
        try:
            if os.readlink(path) == f"{file} (deleted)":
                return Path(path).read_text()
        except FileNotFoundError:
            # It was closed meanwhile.
            continue
    return ""


@pytest.mark.requires("openssl")
def test_a_new_certificate_is_shown_to_new_clients(here: World, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    shown, other = authority.sign("shown"), authority.sign("other")
    settings = f'[cri.streaming]\ncertificate = "{shown.certificate}"\nkey = "{shown.key}"\n'
    server = CriServer(tmp_path / "cri", settings)
    server.start()
    try:
        id = server.run(server.pod(), "sleep 1000")
        port = int(server("Attach", container_id=id, stdout=True).url.split(":")[2].split("/")[0])
        assert "CN = shown" in _certificate(port)
        other.certificate.rename(shown.certificate)
        reload(server, settings)
        # The key is still the other one's.
        assert "cri.streaming stays as it was: configuration: cri.streaming.certificate" in server.log()
        assert "CN = shown" in _certificate(port)
        other.key.rename(shown.key)
        reload(server, settings, "0 of 0 changes")
        eventually(lambda: "CN = other" in _certificate(port))
    finally:
        server.clean_up()


def _certificate(port: int) -> str:
    return run(f"openssl s_client -connect 127.0.0.1:{port} </dev/null 2>/dev/null | openssl x509 -noout -subject")
