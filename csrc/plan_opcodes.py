"""Writes runtime/plan/opcodes.py and operation_names.py from csrc/plan.h, the only definition of the encoding.

python csrc/plan_opcodes.py [DIRECTORY]
"""

import re
import sys
from pathlib import Path

_HEAD = '"""{}. Generated from csrc/plan.h by csrc/plan_opcodes.py."""\n\nfrom __future__ import annotations\n'
_OPERATION = re.compile(r'X\((\d+), (\w+), "([^"]+)", ([PCU| ]+), "([^"]*)"\)')
_DEFINE = re.compile(r"#define PLAN_(\w+) (0x[0-9a-f]+|\d+)u?\b")
_POINT = re.compile(r"\b(PLAN_POINT_\w+) = (\d+)")


_Operation = tuple[str, str, str, str, str]


def generate(header: str) -> dict[str, str]:
    """The texts of the generated modules, by file name, for the text of plan.h."""
    operations: list[_Operation] = _OPERATION.findall(header)
    return {"opcodes.py": _opcodes(header, operations), "operation_names.py": _names(operations)}


def _opcodes(header: str, operations: list[_Operation]) -> str:
    lines = [_HEAD.format("Operations and constants of the plan")]
    lines += [f"{name} = {value}" for name, value in _DEFINE.findall(header)]
    lines += [f"{name.removeprefix('PLAN_')} = {value}" for name, value in _POINT.findall(header)]
    lines += ["", "# Operations."]
    lines += [f"{name} = {code}" for code, name, *_ in operations]
    lines += ["", "# Kinds of the arguments, one letter each.", "KINDS = {"]
    lines += [f'    {code}: "{_kinds(signature)}",' for code, _, _, _, signature in operations]
    return "\n".join([*lines, "}", ""])


def _names(operations: list[_Operation]) -> str:
    lines = [_HEAD.format("Names of operations and of their arguments, for people")]
    lines += ["NAMES: dict[int, tuple[str, tuple[str, ...]]] = {"]
    for code, _, text, _, signature in operations:
        names = "".join(f'"{word[2:]}", ' for word in signature.split())
        lines.append(f'    {code}: ("{text}", ({names.strip() if names.count(",") == 1 else names.rstrip(", ")})),')
    return "\n".join([*lines, "}", ""])


def _kinds(signature: str) -> str:
    return "".join(word[0] for word in signature.split())


def main(directory: Path) -> None:
    """Write the modules into `directory`."""
    source = Path(__file__).parent / "plan.h"
    for name, text in generate(source.read_text()).items():
        (directory / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runtime/plan"))
