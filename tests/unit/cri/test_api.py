"""The messages of CRI: what the type stubs say is what the build made of the .proto files."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, FileDescriptor

API = Path(__file__).parents[3] / "cri/api"
MODULES = sorted(path.stem for path in API.glob("*.proto"))


def descriptor(name: str) -> FileDescriptor:
    found = importlib.import_module(f"firkin.cri.api.{name}_pb2").DESCRIPTOR
    assert isinstance(found, FileDescriptor)
    return found


def stub_classes(name: str) -> dict[str, ast.ClassDef]:
    tree = ast.parse((API / f"{name}_pb2.pyi").read_text())
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def stub_fields(stub: ast.ClassDef) -> set[str]:
    """The fields that the stub's `__slots__` lists."""
    for node in stub.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__slots__":
            return set(ast.literal_eval(node.value))
    raise AssertionError(f"{stub.name} has no __slots__")


def field_names(message: Descriptor) -> set[str]:
    return {field.name for field in message.fields}


@pytest.mark.parametrize("name", MODULES)
def test_the_stubs_are_those_of_the_messages(name: str) -> None:
    found, stubs = descriptor(name), stub_classes(name)
    named = {*found.message_types_by_name, *found.enum_types_by_name}
    assert stubs.keys() == named, "run `make generate`"
    for message in found.message_types_by_name.values():
        assert stub_fields(stubs[message.name]) == field_names(message), f"{message.name}: run `make generate`"


def test_all_calls_of_the_interface_are_there() -> None:
    runtime = descriptor("runtime").services_by_name["RuntimeService"]
    image = descriptor("image").services_by_name["ImageService"]
    assert (runtime.full_name, image.full_name) == ("runtime.v1.RuntimeService", "runtime.v1.ImageService")
    assert (len(runtime.methods), len(image.methods)) == (35, 6)
