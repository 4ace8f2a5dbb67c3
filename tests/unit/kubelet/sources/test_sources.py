"""Files come, change, are renamed, are half-written and go, and the objects follow."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path

import pytest

from firkin.kubelet.api.config import ConfigMap
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.node import Node
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import PodStatus
from firkin.kubelet.http.message import Answer, Request, Response
from firkin.kubelet.http.server import Server
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.sources.settings import SourceSettings, source_faults
from firkin.kubelet.sources.sources import Sources

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\ndata: {a: VALUE}\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: c, image: 'c:1'}]}\n"


def config(name: str, value: str = "1") -> str:
    return MAP.replace("NAME", name).replace("VALUE", f'"{value}"')


class Events:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def record(self, item: Node, type_: str, reason: str, message: str, /) -> None:
        self.texts.append(message)


class Bench:
    """Sources that run over a store, and what to wait for."""

    def __init__(self, tmp_path: Path, url: str = "") -> None:
        self.directory = tmp_path / "etc" / "manifests"
        self.objects = Objects(str(tmp_path / "objects.db"))
        self.events = Events()
        self.url = url

    def sources(self) -> Sources:
        settings = SourceSettings(str(self.directory), self.url, 1)
        return Sources(self.objects, settings, "node", self.events)

    def write(self, name: str, text: str) -> None:
        temporary = self.directory.parent / f".{name}"
        temporary.write_text(text)
        temporary.rename(self.directory / name)

    def data(self) -> dict[str, str]:
        return {item.metadata.name: item.data["a"] for item in self.objects.list(ConfigMap)}

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.005)


def run(tmp_path: Path, work: Callable[[Bench], Awaitable[None]], url: str = "") -> Bench:
    async def main() -> Bench:
        bench = Bench(tmp_path, url)
        task = asyncio.create_task(bench.sources().run())
        try:
            await work(bench)
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            bench.objects.close()
        return bench

    return asyncio.run(main())


def test_files_come_change_and_go(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        # The directory is not there yet.
        bench.directory.mkdir(parents=True)
        bench.write("a.yaml", config("a"))
        await bench.until(lambda: bench.data() == {"a": "1"})
        bench.write("b.yaml", config("b"))
        bench.write(".hidden.yaml", config("hidden"))
        bench.write("a.yaml", config("a", "2"))
        await bench.until(lambda: bench.data() == {"a": "2", "b": "1"})
        (bench.directory / "b.yaml").rename(bench.directory / "c.yaml")
        (bench.directory / "a.yaml").write_text(config("a", "3"))
        await bench.until(lambda: bench.data() == {"a": "3", "b": "1"})
        (bench.directory / "a.yaml").unlink()
        await bench.until(lambda: bench.data() == {"b": "1"})
        (bench.directory / "c.yaml").unlink()
        shutil.rmtree(bench.directory)
        await bench.until(lambda: bench.data() == {})

    run(tmp_path, work)


def test_what_is_half_written_counts_as_what_it_was(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        bench.directory.mkdir(parents=True)
        bench.write("a.yaml", config("a"))
        await bench.until(lambda: bench.data() == {"a": "1"})
        bench.write("a.yaml", config("a", "2")[:-3])
        bench.write("other.yaml", config("other"))
        await bench.until(lambda: "other" in bench.data())
        assert bench.data() == {"a": "1", "other": "1"}
        bench.write("a.yaml", config("a", "2"))
        await bench.until(lambda: bench.data()["a"] == "2")

    (text,) = run(tmp_path, work).events.texts
    assert f"{tmp_path}/etc/manifests/a.yaml:" in text


def test_what_is_broken_when_the_agent_begins_counts_as_what_it_was_before(tmp_path: Path) -> None:
    async def before(bench: Bench) -> None:
        bench.directory.mkdir(parents=True)
        bench.write("a.yaml", config("a"))
        await bench.until(lambda: bench.data() == {"a": "1"})

    async def after(bench: Bench) -> None:
        bench.write("other.yaml", config("other"))
        await bench.until(lambda: "other" in bench.data())
        assert bench.data() == {"a": "1", "other": "1"}

    run(tmp_path, before)
    (tmp_path / "etc" / "manifests" / "a.yaml").write_text("a: b: c")
    run(tmp_path, after)


def test_a_pod_that_changes_comes_when_the_one_before_has_gone(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        def pods() -> list[Pod]:
            return bench.objects.list(Pod)

        bench.directory.mkdir(parents=True)
        bench.write("a.yaml", POD)
        await bench.until(lambda: len(pods()) == 1)
        (first,) = pods()
        bench.write("a.yaml", POD.replace("c:1", "c:2"))
        await bench.until(lambda: pods()[0].metadata.deletion_timestamp is not None)
        assert pods()[0].metadata.uid == first.metadata.uid
        bench.objects.remove(Pod, "default", "web-node")
        await bench.until(lambda: len(pods()) == 1)
        assert pods()[0].spec.containers[0].image == "c:2"

    run(tmp_path, work)


def test_a_pod_of_which_only_resources_change_stays_what_it_is(tmp_path: Path) -> None:
    sized = POD.replace("image: 'c:1'", "image: 'c:1', resources: {requests: {cpu: 1}}")

    async def work(bench: Bench) -> None:
        def pod() -> Pod:
            (found,) = bench.objects.list(Pod)
            return found

        bench.directory.mkdir(parents=True)
        bench.write("a.yaml", sized)
        await bench.until(lambda: len(bench.objects.list(Pod)) == 1)
        first = pod()
        bench.objects.set_status(Pod, "default", "web-node", PodStatus(phase="Running"))
        bench.write("a.yaml", sized.replace("cpu: 1", "cpu: 2"))
        await bench.until(lambda: pod().metadata.generation == 2)
        assert pod().spec.containers[0].resources.requests == {"cpu": 2}
        assert (pod().metadata.uid, pod().status.phase) == (first.metadata.uid, "Running")
        # To have no request any more is no resize: it is another pod.
        bench.write("a.yaml", POD)
        await bench.until(lambda: pod().metadata.deletion_timestamp is not None)

    run(tmp_path, work)


def test_what_is_no_file_is_no_manifest_and_what_was_made_otherwise_is_left(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        bench.objects.create(ConfigMap(metadata=ObjectMeta(name="api", namespace="default"), data={"a": "own"}))
        bench.directory.mkdir(parents=True)
        os.mkfifo(bench.directory / "fifo")
        (bench.directory / "link").symlink_to("nowhere")
        (bench.directory / "sub").mkdir()
        bench.write("api.yaml", config("api"))
        bench.write("z.yaml", config("z"))
        await bench.until(lambda: "z" in bench.data())
        assert bench.data() == {"api": "own", "z": "1"}

    (text,) = run(tmp_path, work).events.texts
    assert text.endswith("ConfigMap default/api was made through the API, and is left as it is")


def test_a_url_is_asked_again_and_what_it_said_stays_while_it_fails(tmp_path: Path) -> None:
    said = Response(200, config("u").encode())

    async def serve(request: Request) -> Answer:
        return said

    async def with_server(work: Callable[[Bench], Coroutine[None, None, None]]) -> Bench:
        server = Server(serve)
        port = await server.listen_tcp("127.0.0.1", 0)
        bench = Bench(tmp_path, f"http://127.0.0.1:{port}/pods")
        task = asyncio.create_task(bench.sources().run())
        await work(bench)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.close()
        bench.objects.close()
        return bench

    async def work(bench: Bench) -> None:
        nonlocal said
        await bench.until(lambda: bench.data() == {"u": "1"})
        said = Response(503)
        await bench.until(lambda: len(bench.events.texts) == 1)
        assert bench.data() == {"u": "1"}
        said = Response(200, config("u", "2").encode())
        await bench.until(lambda: bench.data() == {"u": "2"})

    bench = asyncio.run(with_server(work))
    assert bench.events.texts == [f"{bench.url}: answers with 503 Service Unavailable"]


def test_settings_that_are_wrong_are_named() -> None:
    assert list(source_faults(SourceSettings())) == []
    faults = list(source_faults(SourceSettings("etc", "ftp://x", 0)))
    assert [fault.partition(":")[0] for fault in faults] == [
        "kubelet.sources.manifests",
        "kubelet.sources.url",
        "kubelet.sources.url_seconds",
    ]
