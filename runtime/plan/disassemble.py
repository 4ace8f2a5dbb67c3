"""Reading a plan back: what `firkin explain` prints, and what names the operation that failed."""

from __future__ import annotations

from _struct import Struct

from firkin.errors import FirkinError
from firkin.runtime.plan import opcodes as op
from firkin.runtime.plan.operation_names import NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Value = int | str | bytes | list[str]

__all__ = ["SECTIONS", "Operation", "operation_at", "read_plan"]

SECTIONS = ("parent", "child", "undo")
_HEADER = Struct("<6I8I")
_OPERATION = Struct(f"<II{op.ARGS}Q")
_OFFSET = Struct("<Q")


class Operation:
    """One operation: `section`, `index` in it, `name`, `origin` in the document, `arguments` by name."""

    __slots__ = ("arguments", "code", "index", "name", "origin", "section")

    def __init__(
        self, section: str, index: int, code: int, name: str, origin: str, arguments: dict[str, Value]
    ) -> None:
        self.section = section
        self.index = index
        self.code = code
        self.name = name
        self.origin = origin
        self.arguments = arguments

    def text(self, name: str) -> str:
        """An argument as text, "" if the operation has none of this name."""
        value = self.arguments.get(name, "")
        return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def read_plan(plan: bytes) -> Iterator[Operation]:
    """All operations in the order of the buffer. Raises FirkinError if it is no plan."""
    for number, (offset, count) in enumerate(_ranges(plan)):
        for index in range(count):
            yield _operation(plan, SECTIONS[number], index, offset + index * _OPERATION.size)


def operation_at(plan: bytes, section: int, index: int) -> Operation:
    """One operation, by section number and index. Raises FirkinError if it is not there."""
    offset, count = _ranges(plan)[section]
    if index >= count:
        raise FirkinError(f"the plan has no operation {index} in its section {SECTIONS[section]}")
    return _operation(plan, SECTIONS[section], index, offset + index * _OPERATION.size)


def _ranges(plan: bytes) -> list[tuple[int, int]]:
    if len(plan) < _HEADER.size:
        raise FirkinError("not a plan: too short")
    magic, version, size, *rest = _HEADER.unpack_from(plan)
    if magic != op.MAGIC or version != op.VERSION or size != len(plan):
        raise FirkinError("not a plan of this version")
    return [(rest[3 + 2 * n], rest[4 + 2 * n]) for n in range(len(SECTIONS))]


def _operation(plan: bytes, section: str, index: int, offset: int) -> Operation:
    code, origin, *values = _OPERATION.unpack_from(plan, offset)
    name, names = NAMES[code]
    kinds = op.KINDS[code]
    arguments = {n: _value(plan, k, v) for n, k, v in zip(names, kinds, values, strict=False)}
    return Operation(section, index, code, name, _text(plan, origin), arguments)


def _value(plan: bytes, kind: str, value: int) -> Value:
    if kind == "t":
        return _text(plan, value)
    if kind == "b":
        offset = value & 0xFFFFFFFF
        return plan[offset : offset + (value >> 32)]
    if kind == "v":
        return _vector(plan, value)
    return value


def _text(plan: bytes, reference: int) -> str:
    offset = reference & 0xFFFFFFFF
    return plan[offset : plan.index(b"\0", offset)].decode("utf-8", "surrogateescape")


def _vector(plan: bytes, offset: int) -> list[str]:
    texts: list[str] = []
    while True:
        (entry,) = _OFFSET.unpack_from(plan, offset)
        if not entry:
            return texts
        texts.append(_text(plan, entry))
        offset += 8
