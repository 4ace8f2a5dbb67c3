"""Images of a registry that wants a password, as the documentation of Kubernetes has them."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from pathlib import Path

import pytest

from firkin.kubelet.api.config import Secret
from firkin.kubelet.api.meta import ObjectMeta
from tests.support.agent import Node, main, manifest, run_together, waits_for
from tests.support.bundle import FIRKIN
from tests.support.cri_server import IMAGE, CriServer
from tests.support.registry import PASSWORD, USER, RealRegistry

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge", "docker-registry", "skopeo")

ONCE = "restartPolicy: Never\nterminationGracePeriodSeconds: 1\n"


def secret(name: str, host: str, password: str) -> Secret:
    """As `kubectl create secret docker-registry` makes it."""
    entry = {"auth": base64.b64encode(f"{USER}:{password}".encode()).decode()}
    document = json.dumps({"auths": {f"http://{host}": entry}}).encode()
    meta = ObjectMeta(name=name, namespace="default")
    return Secret(metadata=meta, type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": document})


async def hang(here: Node, count: int) -> None:
    """Have pods whose registry takes connections and never answers."""
    silent = await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0)
    host = f"127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    for number in range(count):
        name = f"hangs-{number}"
        here.apply(manifest(name, ONCE).replace(IMAGE, f"{host}/app:{number}"))
        await here.told(name, "Pulling")


def test_a_private_image_is_pulled_with_the_secret_of_the_pod(server: CriServer, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    store = str(server.place / "root")
    subprocess.run([str(FIRKIN), "export", "--store", store, "--format", "oci", IMAGE, str(layout)], check=True)
    with RealRegistry(tmp_path / "registry", password=True) as registry:
        registry.fill(layout, "private:1")
        image = f"{registry.host}/private:1"

        def pod(name: str, spec: str) -> str:
            return manifest(name, ONCE + spec, "echo pulled").replace(IMAGE, image)

        async def with_it(here: Node) -> None:
            await hang(here, 3)
            here.objects.create(secret("right", registry.host, PASSWORD))
            spec = "imagePullSecrets: [{name: right}]"
            assert await here.ended(pod("private", spec)) == ["pulled"]
            events = dict(here.events("private"))
            assert events["Pulling"] == f'Pulling image "{image}"'
            assert events["Pulled"].startswith(f'Successfully pulled image "{image}" in ')

        async def without_it(here: Node) -> None:
            here.objects.create(secret("wrong", registry.host, "guessed"))
            for name, spec, reason in (
                ("none", "", "wants a name and a password"),
                ("guess", "imagePullSecrets: [{name: wrong}]", "the credentials are not accepted"),
            ):
                more = "imagePullPolicy: Always"
                here.apply(manifest(name, f"{ONCE}{spec}", more=more).replace(IMAGE, image))
                waiting = main(await here.wait(name, waits_for("ErrImagePull"))).state.waiting
                assert waiting is not None and registry.host in waiting.message and reason in waiting.message

        run_together(server, tmp_path, with_it, without_it, parallel_pulls=3)
