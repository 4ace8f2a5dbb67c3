"""The variables of a container.

Source: the Kubernetes API, Container.env and envFrom: whole ConfigMaps and Secrets first, a later source wins; then one
variable after the other, each of which may refer to those before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

from firkin.kubelet.api.config import ConfigMap, Secret
from firkin.kubelet.api.container import (
    Container,
    EnvFromSource,
    EnvSource,
    EnvVar,
    FileKeySelector,
    KeySelector,
)
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.environment.errors import VariableError
from firkin.kubelet.environment.expand import expand
from firkin.kubelet.environment.facts import Facts, Lookup
from firkin.kubelet.environment.fields import field_value, resource_value

__all__ = ["Files", "variables"]

_T = TypeVar("_T")


Files = Mapping[tuple[str, str], Mapping[str, str]]


def variables(
    pod: Pod, container: Container, objects: Lookup, facts: Facts, files: Files = MappingProxyType({})
) -> list[tuple[str, str]]:
    """Names and values, in the order in which they were first set.

    Parameters: `files` are the variables in files of volumes, by volume and path.

    Raises VariableError, with the words of Kubernetes, for what is not there and not optional.
    """
    found: dict[str, str] = {}
    for source in container.env_from:
        found.update(_all_of(pod.metadata.namespace, source, objects))
    for variable in container.env:
        origin = variable.value_from
        if origin and origin.file_key_ref and not variable.value:
            value = _of_file(origin.file_key_ref, files)
        else:
            value = _value(pod, container, variable, found, objects, facts)
        if value is not None:
            found[variable.name] = value
    return list(found.items())


def _all_of(namespace: str, source: EnvFromSource, objects: Lookup) -> dict[str, str]:
    if one := source.config_map_ref:
        return {source.prefix + key: value for key, value in _of_config_map(namespace, one, objects).items()}
    if two := source.secret_ref:
        owner = f"Secret {namespace}/{two.name}"
        values = _of_secret(namespace, two, objects)
        return {source.prefix + key: _text(value, key, owner) for key, value in values.items()}
    return {}


def _of_config_map(namespace: str, reference: EnvSource, objects: Lookup) -> Mapping[str, str]:
    found = objects.get(ConfigMap, namespace, reference.name)
    if found is None and not reference.optional:
        raise VariableError(f'configmap "{reference.name}" not found')
    return found.data if found else {}


def _of_secret(namespace: str, reference: EnvSource, objects: Lookup) -> Mapping[str, bytes]:
    found = objects.get(Secret, namespace, reference.name)
    if found is None and not reference.optional:
        raise VariableError(f'secret "{reference.name}" not found')
    return found.data if found else {}


def _value(
    pod: Pod, container: Container, variable: EnvVar, known: Mapping[str, str], objects: Lookup, facts: Facts
) -> str | None:
    # None: it refers to something optional that is not there, and is not set at all.
    source = variable.value_from
    if variable.value or source is None:
        return expand(variable.value, known.get)
    if source.field_ref:
        return field_value(pod, source.field_ref.field_path, facts)
    if source.resource_field_ref:
        return resource_value(pod, container, source.resource_field_ref, facts)
    if source.config_map_key_ref:
        return _key_of_config_map(pod.metadata.namespace, source.config_map_key_ref, objects)
    if source.secret_key_ref:
        return _key_of_secret(pod.metadata.namespace, source.secret_key_ref, objects)
    return ""


def _of_file(reference: FileKeySelector, files: Files) -> str | None:
    values = files.get((reference.volume_name, reference.path))
    if not reference.optional and (values is None or reference.key not in values):
        where = f'file "{reference.path}" of volume "{reference.volume_name}"'
        raise VariableError(f"{where} not found" if values is None else f"couldn't find key {reference.key} in {where}")
    return values.get(reference.key) if values else None


def _key_of_config_map(namespace: str, reference: KeySelector, objects: Lookup) -> str | None:
    source = EnvSource(name=reference.name, optional=reference.optional)
    return _key(_of_config_map(namespace, source, objects), reference, f"ConfigMap {namespace}/{reference.name}")


def _key_of_secret(namespace: str, reference: KeySelector, objects: Lookup) -> str | None:
    source, owner = EnvSource(name=reference.name, optional=reference.optional), f"Secret {namespace}/{reference.name}"
    value = _key(_of_secret(namespace, source, objects), reference, owner)
    return None if value is None else _text(value, reference.key, owner)


def _key(values: Mapping[str, _T], reference: KeySelector, owner: str) -> _T | None:
    if reference.key not in values and not reference.optional:
        raise VariableError(f"couldn't find key {reference.key} in {owner}")
    return values.get(reference.key)


def _text(value: bytes, key: str, owner: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise VariableError(
            f"key {key} in {owner} is not UTF-8, as the variables of a container must be", hint="mount it as a volume"
        ) from None
