from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import firkin.oci

MODULES = ["firkin.oci", *(f"firkin.oci.{name}" for _, name, _ in pkgutil.walk_packages(firkin.oci.__path__))]
MODULES += [name for _, name, _ in pkgutil.walk_packages(firkin.oci.__path__, "firkin.oci.") if name not in MODULES]
# What is compiled from C is documented by its stub.
MODULES = [name for name in MODULES if not name.rpartition(".")[2].startswith("_")]


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    assert module.__all__ == sorted(set(module.__all__), key=module.__all__.index)
    for public in module.__all__:
        value = getattr(module, public)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, f"{name}.{public}"


@pytest.mark.parametrize("name", MODULES)
def test_every_public_definition_is_exported(name: str) -> None:
    module = importlib.import_module(name)
    own = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == name
        and key != "dataclass_transform"
    }
    assert own <= set(module.__all__)


def test_unknown_names_are_no_attributes() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Barrel'"):
        firkin.oci.Barrel  # type: ignore[attr-defined]  # noqa: B018
