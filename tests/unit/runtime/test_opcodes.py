"""The generated modules are those that csrc/plan.h defines."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from firkin.runtime.plan import opcodes
from firkin.runtime.plan.operation_names import NAMES

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["opcodes.py", "operation_names.py"])
def test_generated_module_is_up_to_date(name: str) -> None:
    generator = runpy.run_path(str(ROOT / "csrc/plan_opcodes.py"))
    generated = generator["generate"]((ROOT / "csrc/plan.h").read_text())
    assert (ROOT / "runtime/plan" / name).read_text() == generated[name], "run `make generate`"


def test_every_operation_has_kinds_and_names_of_the_same_number() -> None:
    assert opcodes.KINDS.keys() == NAMES.keys()
    assert all(len(opcodes.KINDS[code]) == len(names) <= opcodes.ARGS for code, (_, names) in NAMES.items())
