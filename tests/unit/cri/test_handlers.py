"""Runtime handlers: their configuration, and what is read of another runtime's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from firkin.cgroupfs.hierarchy import Hierarchy
from firkin.cri.api.pod_pb2 import PodSandboxConfig
from firkin.cri.config import Config, Runtime, load_config
from firkin.cri.handlers.command import features_of, words_in
from firkin.cri.handlers.handler import Features
from firkin.cri.handlers.missing import MissingHandler
from firkin.cri.handlers.mounts import mounts_below
from firkin.cri.handlers.own import OwnHandler
from firkin.cri.handlers.records import text_of
from firkin.cri.handlers.table import Handlers
from firkin.cri.places import Places
from firkin.cri.sandboxes.configuration import check_features
from firkin.errors import ConfigError, FirkinError, NotFoundError, StateError, UnsupportedError
from firkin.oci.runtime_spec import Resources
from firkin.oci.runtime_spec.config import load_config as load_document
from firkin.runtime.compile.external import ExternalRuntime
from firkin.runtime.compile.request import Host


def program(folder: Path, script: str) -> ExternalRuntime:
    path = folder / "runtime"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return ExternalRuntime("other", str(path), ())


def handlers(folder: Path, **runtimes: Runtime) -> Handlers:
    host = Host(Hierarchy("/sys/fs/cgroup", frozenset(), frozenset()), environment={})
    return Handlers(Config(runtimes=runtimes), Places(str(folder)), host)


def test_handlers_are_configured_by_name() -> None:
    table = {"runtimes": {"runc": {"type": "oci", "path": "/usr/sbin/runc"}, "mine": {}}}
    assert load_config({"cri": table}).runtimes == {"runc": Runtime("oci", "/usr/sbin/runc"), "mine": Runtime()}


@pytest.mark.parametrize(
    ("name", "table", "said"),
    [
        ("a", {"type": "kata"}, "cri.runtimes.a.type: 'kata' is none of firkin, oci"),
        ("a", {"type": "oci"}, "cri.runtimes.a.path: '' is not an absolute path"),
        ("a", {"type": "oci", "path": "runc"}, "cri.runtimes.a.path: 'runc' is not an absolute path"),
        ("a", {"path": "/usr/sbin/runc"}, "cri.runtimes.a.path: is for the type oci"),
        ("../x", {}, "cri.runtimes.../x: is no name for a runtime handler"),
        ("firkin", {}, "cri.runtimes.firkin: is no name for a runtime handler"),
        ("a", {"kind": "oci"}, "cri.runtimes.a.kind: unknown key"),
    ],
)
def test_what_is_wrong_with_a_handler_is_said(name: str, table: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as found:
        load_config({"cri": {"runtimes": {name: table}}})
    assert said in str(found.value)


def test_the_default_is_there_whatever_is_configured(tmp_path: Path) -> None:
    found = handlers(tmp_path, mine=Runtime(), broken=Runtime("oci", "/no/such/program"))
    assert [handler.name for handler in found] == ["firkin", "mine", "broken"]
    assert found.named("") is found.named("firkin")
    assert isinstance(found.named("mine"), OwnHandler)
    # It is told in the log; the others must not be without a server.
    assert found.named("broken").features == Features()
    with pytest.raises(NotFoundError, match="'none': there is none; known are firkin, mine, broken"):
        found.named("none")


def test_of_a_handler_that_is_gone_nothing_can_be_asked_for_but_the_end(tmp_path: Path) -> None:
    gone = handlers(tmp_path).of_record("gone")
    assert isinstance(gone, MissingHandler)
    with pytest.raises(StateError, match="'gone': is not configured any more"):
        gone.update("x", Resources())
    gone.remove("x")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"mountOptions": ["ro", "rro"], "linux": {}}, Features(recursive_read_only_mounts=True)),
        ({"mountOptions": None, "linux": {"mountExtensions": {"idmap": {"enabled": True}}}}, Features(False, True)),
        ({}, Features()),
    ],
)
def test_features_are_what_the_runtime_says(tmp_path: Path, told: dict[str, Any], expected: Features) -> None:
    (tmp_path / "told").write_text(json.dumps(told))
    assert features_of(program(tmp_path, f'[ "$1" = features ] && cat {tmp_path}/told')) == expected


def test_a_runtime_that_does_not_say_has_none(tmp_path: Path) -> None:
    assert features_of(program(tmp_path, "echo unknown command >&2; exit 1")) == Features()
    with pytest.raises(FirkinError, match="/no/such/program is no program"):
        features_of(ExternalRuntime("other", "/no/such/program", ()))


def test_a_handler_is_not_asked_for_what_it_has_not(tmp_path: Path) -> None:
    found = handlers(tmp_path, other=Runtime("oci", "/no/such/program"))
    mapped = ParseDict(
        {"linux": {"security_context": {"namespace_options": {"userns_options": {"uids": [{"length": 1}]}}}}},
        PodSandboxConfig(),
    )
    for name in ("", "firkin"):
        check_features(mapped, found.named(name), systemd=True)
    check_features(PodSandboxConfig(), found.named("other"), systemd=False)
    with pytest.raises(UnsupportedError, match="userns_options: is nothing that the runtime handler other has"):
        check_features(mapped, found.named("other"), systemd=False)
    with pytest.raises(UnsupportedError, match="runtime_handler: 'other' makes cgroups itself"):
        check_features(PodSandboxConfig(), found.named("other"), systemd=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"level":"warning","msg":"a"}\n{"level":"error","msg":"b"}\n{"level":"info","msg":"c"}\n', "b"),
        ("first\nlast\n\n", "last"),
        ('{"level":"warning","msg":"a"}\n', ""),
        ("", ""),
        ('{"level":"err', ""),
    ],
)
def test_the_words_of_a_failure_are_the_last_error(text: str, words: str) -> None:
    assert words_in(text) == words


def test_mounts_are_found_the_last_one_first() -> None:
    lines = [
        "22 1 0:5 / /a/b rw - tmpfs t rw",
        "23 1 0:5 / /a/b/root rw - overlay o rw",
        "24 1 0:5 / /a/b/with\\040space rw - overlay o rw",
        "25 1 0:5 / /a/bc rw - tmpfs t rw",
    ]
    assert list(mounts_below("/a/b", "\n".join(lines))) == ["/a/b/with space", "/a/b/root"]


@pytest.mark.parametrize("linux", [{}, {"cgroupsPath": "/x", "maskedPaths": ["/proc/kcore"]}])
def test_the_text_of_a_configuration_is_the_same_with_a_filter_that_is_known(linux: dict[str, Any]) -> None:
    seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_ERRNO"}]}
    document = {"ociVersion": "1.3.0", "root": {"path": "/"}, "linux": {**linux, "seccomp": seccomp}}
    config = load_document(json.dumps(document))
    for _ in range(2):
        assert json.loads(text_of(config)) == document
    plain = load_document(json.dumps({**document, "linux": linux}))
    assert json.loads(text_of(plain)) == {**document, "linux": linux}
