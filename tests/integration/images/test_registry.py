"""The client of registries with a real one, which skopeo fills and reads."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from firkin.errors import RegistryAccessError, RegistryError, RegistryMissingError
from firkin.oci.image.manifest import Descriptor, Platform, decode_manifest
from firkin.oci.image.reference import parse_reference
from firkin.oci.registry.client import Registry, open_registry
from firkin.oci.registry.credentials import Credentials, DockerConfig, anonymous, only_for
from firkin.oci.registry.limits import Limits
from firkin.oci.registry.push import Pusher
from firkin.oci.store.content import ContentStore
from tests.support.certificates import Authority
from tests.support.image_layout import ImageLayout, archive
from tests.support.registry import PASSWORD, USER, RealRegistry

pytestmark = pytest.mark.requires("docker-registry", "skopeo")

_T = TypeVar("_T")
_AMD64 = Platform(architecture="amd64", os="linux")
_SOON = Limits(attempts=1, mirror_attempts=1)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RealRegistry]:
    """A registry that lets everybody in."""
    with RealRegistry(tmp_path / "registry") as running:
        yield running


def ask(
    question: Callable[[Registry], Awaitable[_T]], credentials: object = anonymous, hosts: Path | str = "/nonexistent"
) -> _T:
    """What a client that makes one attempt gets."""

    async def run() -> _T:
        async with open_registry(credentials=credentials, hosts_directory=str(hosts), limits=_SOON) as client:  # type: ignore[arg-type]
            return await question(client)

    return asyncio.run(run())


def layout(place: Path, *layers: bytes) -> Path:
    """A layout of one image for amd64."""
    made = ImageLayout(place)
    return made.publish(made.image(layers or [archive(a=b"1")]))


def pull(store: ContentStore, name: str) -> Callable[[Registry], Awaitable[Descriptor]]:
    """Fetch an image with all its blobs: the descriptor of its manifest."""

    async def run(client: Registry) -> Descriptor:
        reference = parse_reference(name)
        found = await client.image(reference, _AMD64)
        manifest = decode_manifest(found[-1][1], name)
        await client.fetch_all(reference, [manifest.config, *manifest.layers], store)
        return found[-1][0]

    return run


def test_pull_of_a_tag_gives_the_bytes_that_were_pushed(registry: RealRegistry, tmp_path: Path) -> None:
    source = layout(tmp_path / "layout", archive(a=os.urandom(3 << 20)), archive(b=b"2"))
    registry.fill(source, "cellar/app:1")
    store = ContentStore(str(tmp_path / "store"))
    found = ask(pull(store, f"{registry.host}/cellar/app:1"))
    blobs = {path.name: path.read_bytes() for path in (source / "blobs/sha256").iterdir()}
    assert found.digest.removeprefix("sha256:") in blobs
    fetched = {digest.removeprefix("sha256:") for digest in store.digests()}
    assert fetched == blobs.keys() - {found.digest.removeprefix("sha256:")}
    assert all(store.read(f"sha256:{name}", 8 << 20) == blobs[name] for name in fetched)


def test_an_index_leads_to_the_image_of_the_platform(registry: RealRegistry, tmp_path: Path) -> None:
    made = ImageLayout(tmp_path / "layout")
    images = {name: made.image([archive(a=name.encode())], architecture=name) for name in ("arm64", "amd64")}
    registry.fill(made.publish(made.index(*images.values())), "app:multi")
    reference = parse_reference(f"{registry.host}/app:multi")
    for name, image in images.items():
        platform = Platform(architecture=name, os="linux")
        found = ask(lambda client, wanted=platform: client.image(reference, wanted))  # type: ignore[misc]
        assert [entry[0].digest for entry in found][1:] == [image["digest"]]


def test_resolve_tells_the_digest_that_skopeo_tells(registry: RealRegistry, tmp_path: Path) -> None:
    registry.fill(layout(tmp_path / "layout"), "app:1")
    found = ask(lambda client: client.resolve(parse_reference(f"{registry.host}/app:1")))
    command = ["skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{registry.host}/app:1"]
    assert found.digest == subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    assert ask(lambda client: client.resolve(parse_reference(f"{registry.host}/app@{found.digest}"))) == found


def test_a_manifest_converted_to_schema_2_is_pulled(registry: RealRegistry, tmp_path: Path) -> None:
    source = layout(tmp_path / "layout")
    copy = ["skopeo", "--insecure-policy", "copy", "--quiet", "--format=v2s2", "--dest-tls-verify=false"]
    subprocess.run([*copy, f"oci:{source}", f"docker://{registry.host}/app:docker"], check=True)
    found = ask(pull(ContentStore(str(tmp_path / "store")), f"{registry.host}/app:docker"))
    assert found.media_type == "application/vnd.docker.distribution.manifest.v2+json"


@pytest.mark.parametrize("name", ["nothing:1", "app:2", "app@sha256:" + "0" * 64])
def test_what_is_not_there_is_missing(registry: RealRegistry, tmp_path: Path, name: str) -> None:
    registry.fill(layout(tmp_path / "layout"), "app:1")
    reference = parse_reference(f"{registry.host}/{name}")
    with pytest.raises(RegistryMissingError, match="answers 404: MANIFEST_UNKNOWN") as raised:
        ask(lambda client: client.manifest(reference))
    assert registry.host in str(raised.value) and str(reference) in str(raised.value)


def test_a_store_that_has_a_part_of_a_blob_fetches_the_rest(registry: RealRegistry, tmp_path: Path) -> None:
    registry.fill(layout(tmp_path / "layout", archive(a=os.urandom(2 << 20))), "app:1")
    store = ContentStore(str(tmp_path / "store"))
    told: list[tuple[int, int]] = []

    async def run(client: Registry) -> None:
        reference = parse_reference(f"{registry.host}/app:1")
        layer = decode_manifest((await client.manifest(reference))[1], "app").layers[0]
        async with store.ingest(layer) as ingest:
            assert ingest is not None
            path = next((registry.place / "storage").rglob(f"{layer.digest.removeprefix('sha256:')}/data"))
            ingest.write(path.read_bytes()[: layer.size - 1000])
        await client.fetch(reference, layer, store, lambda digest, done, total: told.append((done, total - done)))
        assert store.has(layer.digest)

    ask(run)
    assert told[0][1] == 1000 and told[-1][1] == 0


def test_a_password_lets_in_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    with RealRegistry(tmp_path / "registry", password=True) as registry:
        registry.fill(layout(tmp_path / "layout"), "app:1")
        reference = parse_reference(f"{registry.host}/app:1")

        def resolve(client: Registry) -> Awaitable[Descriptor]:
            return client.resolve(reference)

        assert ask(resolve, only_for(registry.host, Credentials(USER, PASSWORD))).size > 0
        with pytest.raises(RegistryAccessError, match="the credentials are not accepted"):
            ask(resolve, only_for(registry.host, Credentials(USER, "pine")))
        with pytest.raises(RegistryAccessError, match=f"log in to {registry.host}"):
            ask(resolve)


def test_the_login_of_docker_is_used(tmp_path: Path) -> None:
    with RealRegistry(tmp_path / "registry", password=True) as registry:
        registry.fill(layout(tmp_path / "layout"), "app:1")
        login = ["skopeo", "login", "--tls-verify=false", f"--authfile={tmp_path}/config.json"]
        subprocess.run([*login, "-u", USER, "-p", PASSWORD, registry.host], check=True, capture_output=True)
        lookup = DockerConfig(environment={"DOCKER_CONFIG": str(tmp_path)}).lookup
        assert ask(lambda client: client.resolve(parse_reference(f"{registry.host}/app:1")), lookup).size > 0


def test_tags_are_listed_over_all_pages(registry: RealRegistry, tmp_path: Path) -> None:
    source = layout(tmp_path / "layout")
    names = {f"v{number}" for number in range(5)}
    for name in names:
        registry.fill(source, f"app:{name}")

    async def run(client: Registry) -> set[str]:
        return {tag async for tag in client.tags(parse_reference(f"{registry.host}/app"))}

    assert ask(run) == names


def _push(source: Path, name: str, *, chunk: int, mount_from: str = "") -> Callable[[Registry], Awaitable[list[bool]]]:
    async def run(client: Registry) -> list[bool]:
        reference = parse_reference(name)
        pusher = Pusher(client, reference, chunk=chunk)
        top = json.loads((source / "index.json").read_text())["manifests"][0]
        data = _blob(source, top["digest"]).read_bytes()
        manifest = decode_manifest(data, name)
        sent = []
        for descriptor in (manifest.config, *manifest.layers):
            with _blob(source, descriptor.digest).open("rb") as file:
                sent.append(await pusher.blob(descriptor, file.fileno(), mount_from=mount_from))
        assert await pusher.manifest(top["mediaType"], data, tag=reference.tag) == top["digest"]
        return sent

    return run


def _blob(source: Path, digest: str) -> Path:
    return source / "blobs/sha256" / digest.removeprefix("sha256:")


@pytest.mark.parametrize("chunk", [16 << 20, 700_001])
def test_skopeo_reads_what_was_pushed(registry: RealRegistry, tmp_path: Path, chunk: int) -> None:
    source = layout(tmp_path / "layout", archive(a=os.urandom(2 << 20)), archive(b=b"2"))
    name = f"{registry.host}/cellar/app:1"
    assert ask(_push(source, name, chunk=chunk)) == [True, True, True]
    copy = ["skopeo", "--insecure-policy", "copy", "--quiet", "--preserve-digests", "--src-tls-verify=false"]
    subprocess.run([*copy, f"docker://{name}", f"oci:{tmp_path}/copy"], check=True)

    def contents(place: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (place / "blobs/sha256").iterdir()}

    assert contents(tmp_path / "copy") == contents(source)


def test_what_the_registry_has_is_not_sent_again(registry: RealRegistry, tmp_path: Path) -> None:
    source = layout(tmp_path / "layout")
    assert ask(_push(source, f"{registry.host}/app:1", chunk=1 << 20)) == [True, True]
    assert ask(_push(source, f"{registry.host}/app:2", chunk=1 << 20)) == [False, False]
    assert ask(_push(source, f"{registry.host}/other:1", chunk=1 << 20, mount_from="app")) == [False, False]


def test_a_manifest_without_its_blobs_is_refused(registry: RealRegistry, tmp_path: Path) -> None:
    source = layout(tmp_path / "layout")
    top = json.loads((source / "index.json").read_text())["manifests"][0]
    reference = parse_reference(f"{registry.host}/app:1")
    with pytest.raises(RegistryError, match="answers 400: MANIFEST_BLOB_UNKNOWN"):
        ask(
            lambda client: Pusher(client, reference).manifest(
                top["mediaType"], _blob(source, top["digest"]).read_bytes()
            )
        )


def test_a_deleted_image_is_gone_with_its_tags(registry: RealRegistry, tmp_path: Path) -> None:
    registry.fill(layout(tmp_path / "layout"), "app:1")
    reference = parse_reference(f"{registry.host}/app:1")
    ask(lambda client: client.delete(reference))
    with pytest.raises(RegistryMissingError):
        ask(lambda client: client.resolve(reference))


def _hosts(place: Path, host: str, text: str) -> Path:
    (place / host).mkdir(parents=True)
    (place / host / "hosts.toml").write_text(text)
    return place


@pytest.mark.requires("openssl")
def test_tls_needs_the_authority_and_the_certificate_of_the_client(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    server, client = authority.sign("registry.example"), authority.sign("client.example")
    keys: dict[str, Any] = {"certificate": str(server.certificate), "key": str(server.key)}
    keys["clientcas"] = [str(authority.certificate)]
    with RealRegistry(tmp_path / "registry", tls=keys) as registry:
        reference = parse_reference(f"{registry.host}/app:1")
        url = f'server = "https://{registry.host}"\n'
        ca = f'ca = "{authority.certificate}"\n'
        pair = f'client = [["{client.certificate}", "{client.key}"]]\n'

        def attempt(name: str, text: str) -> RegistryError:
            with pytest.raises(RegistryError) as raised:
                ask(lambda client: client.resolve(reference), hosts=_hosts(tmp_path / name, registry.host, text))
            return raised.value

        assert "its certificate is not trusted" in str(attempt("nothing", url))
        assert "name a certificate that it accepts" in str(attempt("anonymous", url + ca))
        assert attempt("known", url + ca + pair).status == 404
        other = f'server = "https://localhost:{registry.host.rpartition(":")[2]}"\n'
        assert "its certificate is not trusted: Hostname mismatch" in str(attempt("misnamed", other + ca + pair))
        assert attempt("careless", url + pair + "skip_verify = true\n").status == 404
        assert "if it speaks TLS, say so" in str(attempt("plain", f'server = "http://{registry.host}"\n'))


def test_a_registry_without_tls_where_it_is_expected_is_told_so(registry: RealRegistry, tmp_path: Path) -> None:
    hosts = _hosts(tmp_path / "hosts", registry.host, f'server = "https://{registry.host}"\n')
    with pytest.raises(RegistryError, match=r"TLS fails: .*if it speaks plain http, say so in /etc/firkin/hosts.d"):
        ask(lambda client: client.resolve(parse_reference(f"{registry.host}/app:1")), hosts=hosts)


def test_a_mirror_is_asked_first_and_the_registry_if_it_has_not(registry: RealRegistry, tmp_path: Path) -> None:
    with RealRegistry(tmp_path / "mirror") as mirror:
        source = layout(tmp_path / "layout")
        mirror.fill(source, "cellar/both:1")
        registry.fill(layout(tmp_path / "other", archive(b=b"2")), "cellar/both:1")
        registry.fill(source, "cellar/only:1")
        text = f'server = "http://{registry.host}"\n[host."http://127.0.0.1:1"]\n[host."http://{mirror.host}"]\n'
        hosts = _hosts(tmp_path / "hosts", "registry.example", text)
        found = {
            name: ask(lambda client, name=name: client.resolve(parse_reference(name)), hosts=hosts).digest  # type: ignore[misc]
            for name in ("registry.example/cellar/both:1", "registry.example/cellar/only:1")
        }
        top = json.loads((source / "index.json").read_text())["manifests"][0]["digest"]
        assert set(found.values()) == {top}
        with pytest.raises(
            RegistryMissingError, match=rf"its mirror 127.0.0.1:1: can not be.*{mirror.host}: answers 404"
        ):
            ask(lambda client: client.resolve(parse_reference("registry.example/cellar/none:1")), hosts=hosts)
