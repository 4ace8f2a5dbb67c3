from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import firkin
from firkin.errors import ConfigError
from firkin.oci import runtime_spec
from firkin.oci.default_config import default_config
from firkin.oci.encoding import encode
from firkin.oci.record import Record, decode, shape_of
from firkin.oci.runtime_spec import Config, Process, Resources, load_config
from firkin.oci.validate import validate

PACKAGES = str(Path(firkin.__file__).parents[1])
# Below these names the document has maps, whose keys are data.
MAPS = {"annotations", "sysctl", "netDevices", "timeOffsets", "rdma", "unified"}
RAW = {"windows", "solaris", "vm", "zos", "freebsd"}


def test_a_document_with_every_field_is_kept_whole(full_document: dict[str, Any]) -> None:
    config = load_config(json.dumps(full_document), strict=True)
    assert encode(config) == full_document


def test_the_full_document_leaves_no_field_at_its_default(full_document: dict[str, Any]) -> None:
    seen: dict[str, set[str]] = {}
    for record in records(load_config(json.dumps(full_document))):
        seen.setdefault(type(record).__name__, set()).update(vars(record))
    classes = {name: getattr(runtime_spec, name) for name in runtime_spec.__all__ if name != "load_config"}
    assert seen == {name: set(shape_of(cls).keys) for name, cls in classes.items()}


def records(value: object) -> Iterator[Record]:
    if isinstance(value, Record):
        yield value
        for field in vars(value).values():
            yield from records(field)
    elif isinstance(value, tuple):
        for item in value:
            yield from records(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from records(item)


def test_attributes_have_the_python_form_of_the_name(full_document: dict[str, Any]) -> None:
    config = load_config(json.dumps(full_document))
    assert config.linux is not None
    assert config.process is not None
    assert config.process.exec_cpu_affinity is not None
    assert config.process.exec_cpu_affinity.initial == "0-3,7"
    assert config.process.io_priority is not None
    assert config.process.io_priority.class_ == "IOPRIO_CLASS_BE"
    assert config.linux.uid_mappings[0].host_id == 1000
    assert config.linux.intel_rdt is not None
    assert config.linux.intel_rdt.clos_id == "guaranteed"
    assert config.linux.resources is not None
    assert config.linux.resources.memory is not None
    assert config.linux.resources.memory.disable_oom_killer is False
    assert config.linux.resources.rdma["mlx5_1"].hca_handles == 3
    assert config.linux.time_offsets["monotonic"].secs == -3600
    assert config.windows == {"layerFolders": ["a"]}


def leaves(value: Any, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The steps to each scalar, empty list and empty map that has a type of its own."""
    if steps and steps[0] in RAW:
        return
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*steps, key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from leaves(item, (*steps, index))
    else:
        yield steps


def path_of(steps: tuple[str | int, ...]) -> str:
    path = ""
    parent: str | int = ""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif parent in MAPS:
            path += f'["{step}"]'
        else:
            path += f".{step}"
        parent = step
    return path.removeprefix(".")


def put(document: Any, steps: tuple[str | int, ...], value: object) -> Any:
    for step in steps[:-1]:
        document = document[step]
    old = document[steps[-1]]
    document[steps[-1]] = value
    return old


KINDS = {str: "a string", bool: "true or false", int: "integer", list: "an array", dict: "an object"}


def test_a_wrong_type_at_any_leaf_is_reported_with_its_path(full_document: dict[str, Any]) -> None:
    for steps in leaves(full_document):
        document = copy.deepcopy(full_document)
        old = put(document, steps, None)
        put(document, steps, [] if isinstance(old, dict) else {})
        with pytest.raises(ConfigError) as caught:
            decode(Config, document)
        assert caught.value.path == path_of(steps)
        assert KINDS[type(old)] in caught.value.reason


def test_true_is_an_integer_nowhere(full_document: dict[str, Any]) -> None:
    for steps in leaves(full_document):
        document = copy.deepcopy(full_document)
        if type(put(document, steps, True)) is int:
            with pytest.raises(ConfigError) as caught:
                decode(Config, document)
            assert caught.value.path == path_of(steps)


REQUIRED = [
    "ociVersion",
    "root.path",
    "mounts[0].destination",
    "mounts[0].uidMappings[0].containerID",
    "mounts[0].gidMappings[0].hostID",
    "process.cwd",
    "process.consoleSize.height",
    "process.consoleSize.width",
    "process.rlimits[0].type",
    "process.rlimits[0].soft",
    "process.rlimits[0].hard",
    "process.scheduler.policy",
    "process.ioPriority.class",
    "hooks.prestart[0].path",
    "linux.uidMappings[0].size",
    "linux.namespaces[0].type",
    "linux.devices[0].path",
    "linux.devices[0].type",
    "linux.memoryPolicy.mode",
    "linux.personality.domain",
    "linux.seccomp.defaultAction",
    "linux.seccomp.syscalls[0].names",
    "linux.seccomp.syscalls[0].action",
    "linux.seccomp.syscalls[0].args[0].index",
    "linux.seccomp.syscalls[0].args[0].value",
    "linux.seccomp.syscalls[0].args[0].op",
    "linux.resources.devices[0].allow",
    "linux.resources.hugepageLimits[0].pageSize",
    "linux.resources.hugepageLimits[0].limit",
    "linux.resources.network.priorities[0].name",
    "linux.resources.network.priorities[0].priority",
    "linux.resources.blockIO.weightDevice[0].major",
    "linux.resources.blockIO.weightDevice[0].minor",
    "linux.resources.blockIO.throttleReadIOPSDevice[0].rate",
]


@pytest.mark.parametrize("path", REQUIRED)
def test_a_missing_required_field_is_reported(full_document: dict[str, Any], path: str) -> None:
    steps = next(steps for steps in every_step(full_document) if path_of(steps) == path)
    for value in (None, ...):
        document = copy.deepcopy(full_document)
        put(document, steps, value)
        if value is ...:
            remove(document, steps)
        with pytest.raises(ConfigError) as caught:
            decode(Config, document)
        assert (caught.value.path, caught.value.reason) == (path, "required field is missing")


def test_no_other_field_is_required(full_document: dict[str, Any]) -> None:
    for steps in every_step(full_document):
        parents = [steps[:size] for size in range(1, len(steps))]
        in_map = any(parent[-1] in MAPS for parent in parents)
        if isinstance(steps[-1], int) or in_map or path_of(steps).replace("[1]", "[0]") in REQUIRED:
            continue
        document = copy.deepcopy(full_document)
        required = {path.rpartition(".")[2] for path in REQUIRED}
        if steps[-1] not in required:
            put(document, steps, None)
            decode(Config, document)


def every_step(value: Any, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if steps:
        yield steps
    if isinstance(value, dict):
        for key, item in value.items():
            yield from every_step(item, (*steps, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from every_step(item, (*steps, index))


def remove(document: Any, steps: tuple[str | int, ...]) -> None:
    for step in steps[:-1]:
        document = document[step]
    del document[steps[-1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "config.json: expected an object, got an array"),
        ("null", "config.json: expected an object, got null"),
        ('{"ociVersion": "1.3.0"', "config.json: line 1 column 23: expecting ',' delimiter"),
        (
            '{"ociVersion": "1.3.0", "process": {"cwd": "/", "user": {"uid": "abc"}}}',
            'config.json: process.user.uid: expected an unsigned 32-bit integer, got "abc"',
        ),
        (
            '{"ociVersion": "1.3.0", "process": {"cwd": "/", "user": {"additionalGids": [1, 4294967296]}}}',
            "config.json: process.user.additionalGids[1]: expected an unsigned 32-bit integer, got 4294967296",
        ),
        (
            '{"ociVersion": "1.3.0", "linux": {"resources": {"blockIO": {"weight": 65536}}}}',
            "config.json: linux.resources.blockIO.weight: expected an unsigned 16-bit integer, got 65536",
        ),
        (
            '{"ociVersion": "1.3.0", "linux": {"sysctl": {"net.ipv4.ip_forward": 1}}}',
            'config.json: linux.sysctl["net.ipv4.ip_forward"]: expected a string, got 1',
        ),
        ('{"ociVersion": "1.3.0", "windows": []}', "config.json: windows: expected an object, got an array"),
    ],
)
def test_errors_of_loading_are_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(text)
    assert str(caught.value) == message


def test_the_document_is_named_in_errors() -> None:
    with pytest.raises(ConfigError, match=r"^spec\.json: ociVersion: "):
        load_config("{}", document="spec.json")
    with pytest.raises(ConfigError, match=r"^process\.json: cwd: "):
        decode(Process, {}, document="process.json")
    with pytest.raises(ConfigError, match=r"^stdin: memory\.limit: "):
        decode(Resources, {"memory": {"limit": "1g"}}, document="stdin")


def test_strict_loading_names_the_unknown_field() -> None:
    text = '{"ociVersion": "1.3.0", "linux": {"namespaces": [{"type": "pid"}, {"type": "uts", "paht": "/x"}]}}'
    assert encode(load_config(text)) == json.loads(text)
    with pytest.raises(ConfigError, match=r"^config\.json: linux\.namespaces\[1\]\.paht: unknown field$"):
        load_config(text, strict=True)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.text(max_size=3) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), value=ANY_JSON)
def test_any_change_of_a_document_is_kept_or_refused(
    full_document: dict[str, Any], data: st.DataObject, value: object
) -> None:
    document = copy.deepcopy(full_document)
    put(document, data.draw(st.sampled_from(list(every_step(document)))), value)
    try:
        config = decode(Config, document)
        assert without_nulls(encode(config)) == without_nulls(document)
        validate(config)
    except ConfigError as error:
        assert error.path
        assert "\n" not in str(error)


def without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [without_nulls(item) for item in value]
    return value


def loaded_modules(document: dict[str, Any]) -> set[str]:
    code = f"""import sys; sys.path.insert(0, {PACKAGES!r})
from firkin.oci.runtime_spec.config import load_config
from firkin.oci.validate import validate
validate(load_config(sys.stdin.read()))
print(*sys.modules)"""
    argv = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(argv, input=json.dumps(document), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_a_start_imports_only_what_its_document_uses() -> None:
    document = default_config()
    loaded = {name.removeprefix("firkin.oci.") for name in loaded_modules(document) if name.startswith("firkin.oci.")}
    assert loaded == {
        "annotation",
        "checks",
        "json_text",
        "record",
        "runtime_spec",
        "runtime_spec.config",
        "runtime_spec.linux",
        "runtime_spec.process",
        "runtime_spec.resources",
        "validate",
        "validate_linux",
        "validate_process",
        "validate_resources",
    }


def test_a_start_imports_no_heavy_module(full_document: dict[str, Any]) -> None:
    full_document["linux"]["devices"] = []
    loaded = loaded_modules(full_document)
    heavy = "re dataclasses typing enum json pathlib subprocess argparse logging contextlib functools inspect"
    assert loaded.isdisjoint([*heavy.split(), "collections", "collections.abc"])
    assert {"firkin.oci.validate_seccomp", "firkin.oci.runtime_spec.intel_rdt"} <= loaded


def test_unknown_names_are_no_attributes() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Barrel'"):
        runtime_spec.Barrel  # type: ignore[attr-defined]  # noqa: B018
