"""Credentials of Docker's configuration."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from firkin.errors import ConfigError, FirkinError
from firkin.oci.registry.credentials import Credentials, DockerConfig, only_for


def auth(text: str) -> str:
    """As `docker login` writes it."""
    return base64.b64encode(text.encode()).decode()


def look_up(place: Path, document: Any, host: str, *, path: str = "") -> Credentials | None:
    """What the configuration has for a host; `path` is PATH."""
    (place / "config.json").write_text(document if isinstance(document, str) else json.dumps(document))
    return asyncio.run(DockerConfig(environment={"DOCKER_CONFIG": str(place), "PATH": path}).lookup(host))


def helper(place: Path, script: str, name: str = "cellar") -> str:
    """A directory with a helper that is this shell script."""
    program = place / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{place}:/usr/bin:/bin"


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("r.example", "r.example"),
        ("https://r.example/v2/", "r.example"),
        ("r.example:5000", "r.example:5000"),
        ("https://index.docker.io/v1/", "registry-1.docker.io"),
        ("docker.io", "registry-1.docker.io"),
    ],
)
def test_a_login_is_found_by_its_host(tmp_path: Path, key: str, host: str) -> None:
    document = {"auths": {"other.example": {"auth": auth("a:b")}, key: {"auth": auth("cooper:o:ak")}}}
    assert look_up(tmp_path, document, host) == Credentials("cooper", "o:ak")
    assert look_up(tmp_path, document, "third.example") is None


def test_the_forms_of_a_login(tmp_path: Path) -> None:
    forms: list[tuple[dict[str, str], Credentials | None]] = [
        ({"username": "cooper", "password": "oak"}, Credentials("cooper", "oak")),
        ({"auth": auth("cooper:oak\0\0")}, Credentials("cooper", "oak")),
        ({"identitytoken": "it"}, Credentials(identity_token="it")),
        ({"registrytoken": "rt"}, Credentials(registry_token="rt")),
        ({}, None),
    ]
    for entry, found in forms:
        assert look_up(tmp_path, {"auths": {"r.example": entry}}, "r.example") == found


def test_no_configuration_is_no_login(tmp_path: Path) -> None:
    assert asyncio.run(DockerConfig(str(tmp_path / "none.json")).lookup("r.example")) is None


def test_secrets_are_not_shown() -> None:
    assert "oak" not in repr(Credentials("cooper", "oak", "oak", "oak"))


def test_credentials_for_one_host_are_for_no_other() -> None:
    lookup = only_for("r.example", Credentials("cooper", "oak"))
    assert asyncio.run(lookup("r.example")) == Credentials("cooper", "oak")
    assert asyncio.run(lookup("r.example.evil.example")) is None


def test_the_helper_of_a_host_goes_before_the_store_and_the_file(tmp_path: Path) -> None:
    path = helper(tmp_path, 'read host; echo "{\\"Username\\":\\"$host\\",\\"Secret\\":\\"$1\\"}"')
    helper(tmp_path, "echo credentials not found in native keychain; exit 1", "empty")
    file = {"r.example": {"auth": auth("file:f")}}
    for more, found in (
        ({"credHelpers": {"r.example": "cellar"}, "credsStore": "empty"}, Credentials("r.example", "get")),
        ({"credHelpers": {"other.example": "empty"}, "credsStore": "cellar"}, Credentials("r.example", "get")),
        ({"credsStore": "empty"}, Credentials("file", "f")),
    ):
        assert look_up(tmp_path, {"auths": file, **more}, "r.example", path=path) == found


def test_a_helper_is_asked_for_docker_hub_by_its_old_name(tmp_path: Path) -> None:
    path = helper(tmp_path, 'read host; echo "{\\"Username\\":\\"$host\\",\\"Secret\\":\\"s\\"}"')
    found = look_up(tmp_path, {"credsStore": "cellar"}, "registry-1.docker.io", path=path)
    assert found == Credentials("https://index.docker.io/v1/", "s")


def test_a_helper_may_give_an_identity_token(tmp_path: Path) -> None:
    path = helper(tmp_path, 'echo \'{"Username":"<token>","Secret":"it"}\'')
    found = look_up(tmp_path, {"credsStore": "cellar"}, "r.example", path=path)
    assert found == Credentials(identity_token="it")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo broken; exit 3", "docker-credential-cellar get: status 3: broken"),
        ("exit 1", "status 1: says nothing"),
        ("echo '{}'", "answers without Username and Secret"),
        ("echo no", "docker-credential-cellar get: line 1"),
    ],
)
def test_a_helper_that_fails_is_named(tmp_path: Path, script: str, reason: str) -> None:
    with pytest.raises(FirkinError, match=reason):
        look_up(tmp_path, {"credsStore": "cellar"}, "r.example", path=helper(tmp_path, script))


def test_a_helper_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FirkinError, match=r"docker-credential-none: No such file.*config.json names it"):
        look_up(tmp_path, {"credsStore": "none"}, "r.example", path="/nonexistent")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("{", "config.json: line 1"),
        ("[]", "is not an object"),
        ({"auths": []}, None),
        ({"auths": [1]}, "auths: is not an object"),
        ({"auths": {"r.example": 1}}, 'auths."r.example".: is not an object'),
        ({"auths": {"r.example": {"auth": "?"}}}, "is not the base64 form"),
        ({"auths": {"r.example": {"auth": auth("cooper")}}}, "is not the base64 form"),
        ({"auths": {"r.example": {"password": 1}}}, "password: is not a string"),
        ({"credsStore": "../../bin/sh"}, "is not the name of a helper"),
        ({"credsStore": 1}, "is not the name of a helper"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, document: Any, reason: str | None) -> None:
    if reason is None:
        assert look_up(tmp_path, document, "r.example") is None
        return
    with pytest.raises(ConfigError, match=reason):
        look_up(tmp_path, document, "r.example")
