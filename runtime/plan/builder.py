"""Building a plan: operations are added to sections, and texts and bytes are laid out once.

The parent's list has two halves, `prepare` before the child exists and `meet` after; the spawner sees one.
"""

from __future__ import annotations

from _struct import Struct

from firkin.errors import FirkinError
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Argument = int | str | bytes | Sequence[str]

__all__ = ["PlanBuilder", "Section"]

_HEADER = Struct("<6I8I")
# By the number of arguments; the others are zero.
_OPERATIONS = tuple(Struct(f"<II{count}Q{8 * (op.ARGS - count)}x") for count in range(op.ARGS + 1))
_SIZE = _OPERATIONS[0].size
_OFFSET = Struct("<Q")
# Slots that the child receives are numbered from 0, the parent's own from here.
_PRIVATE_SLOTS = 768


class Section:
    """An ordered list of operations."""

    __slots__ = ("_layout", "operations")

    def __init__(self, layout: _Layout) -> None:
        self._layout = layout
        self.operations: list[bytes] = []

    def add(self, code: int, origin: str, *arguments: Argument) -> None:
        """Append an operation.

        Parameters: `code` of `opcodes`; `origin` is the place in the document that asks for it; `arguments` as the
        operation's signature in csrc/plan.h has them.
        """
        self.operations.append(self._layout.operation(code, origin, arguments))


class _Layout:
    # The text area, right behind the header. Equal texts are stored once.
    __slots__ = ("_references", "_texts", "area")

    def __init__(self) -> None:
        self.area = bytearray()
        self._references: dict[bytes, int] = {}
        self._texts: dict[str, int] = {}

    def operation(self, code: int, origin: str, arguments: Sequence[Argument]) -> bytes:
        kinds = op.KINDS[code]
        if len(arguments) != len(kinds):
            raise TypeError(f"operation {code} takes {len(kinds)} arguments, not {len(arguments)}")
        # Numbers are most of it, and this is most of what a plan takes to make.
        values = [
            value & 0xFFFFFFFFFFFFFFFF if value.__class__ is int else self._argument(kind, value)
            for kind, value in zip(kinds, arguments)  # noqa: B905
        ]
        return _OPERATIONS[len(values)].pack(code, self.text(origin) & 0xFFFFFFFF, *values)

    def _argument(self, kind: str, value: Argument) -> int:
        if kind == "t" and isinstance(value, str):
            return self.text(value)
        if isinstance(value, int):
            return value & 0xFFFFFFFFFFFFFFFF
        if kind == "b" and isinstance(value, bytes):
            return self._bytes(value)
        if kind == "v" and not isinstance(value, (str, bytes)):
            return self._vector(value)
        raise TypeError(f"argument {value!r} is not of kind {kind}")

    def text(self, value: str) -> int:
        reference = self._texts.get(value)
        if reference is None:
            data = value.encode("utf-8", "surrogateescape")
            if b"\0" in data:
                raise FirkinError(f"text {value!r}: holds a NUL byte")
            reference = self._texts[value] = self._bytes(data)
        return reference

    def _bytes(self, data: bytes) -> int:
        reference = self._references.get(data)
        if reference is None:
            reference = len(data) << 32 | self._append(data + b"\0")
            self._references[data] = reference
        return reference

    def _vector(self, values: Sequence[str]) -> int:
        entries = b"".join(_OFFSET.pack(self.text(value) & 0xFFFFFFFF) for value in values)
        self.area += bytes(-len(self.area) % 8)
        return self._append(entries + bytes(8))

    def _append(self, data: bytes) -> int:
        offset = _HEADER.size + len(self.area)
        self.area += data
        return offset


class PlanBuilder:
    """A plan in the making.

    `preserve_fds` is the number of descriptors from 3 on that the workload inherits.
    """

    __slots__ = ("_layout", "_private", "_shared", "child", "meet", "prepare", "preserve_fds", "undo")

    def __init__(self, preserve_fds: int = 0) -> None:
        self._layout = _Layout()
        self._shared = 0
        self._private = _PRIVATE_SLOTS
        self.preserve_fds = preserve_fds
        self.prepare = Section(self._layout)
        self.meet = Section(self._layout)
        self.child = Section(self._layout)
        self.undo = Section(self._layout)

    def shared_slot(self) -> int:
        """A new slot that the parent fills before the child's birth and sends to it. Raises FirkinError at 768."""
        if self._shared == _PRIVATE_SLOTS:
            raise FirkinError(f"more than {_PRIVATE_SLOTS} mounts, devices and namespaces in one container")
        self._shared += 1
        return self._shared - 1

    def private_slot(self) -> int:
        """A new slot of one side. Raises FirkinError when there are none left."""
        if self._private == op.MAX_SLOTS:
            raise FirkinError(f"more than {op.MAX_SLOTS - _PRIVATE_SLOTS} file systems and cgroups in one container")
        self._private += 1
        return self._private - 1

    def clone(self, origin: str, flags: int, cgroup: int | None) -> None:
        """End the first half of the parent's work: make the child and send it its descriptors."""
        self.prepare.add(op.CLONE, origin, flags, op.NO_SLOT if cgroup is None else cgroup)
        self.prepare.add(op.SEND, origin, 0, self._shared)

    def receive(self) -> bytes:
        """The child's first operation, known only when all slots are."""
        return self._layout.operation(op.RECEIVE, "", (0, self._shared))

    def encode(self) -> bytes:
        """The finished buffer. Raises FirkinError if it is larger than a plan may be."""
        child = [self.receive(), *self.child.operations]
        self._layout.area += bytes(8 - len(self._layout.area) % 8)
        sections = (self.prepare.operations + self.meet.operations, child, self.undo.operations)
        ranges: list[int] = []
        offset = _HEADER.size + len(self._layout.area)
        for operations in sections:
            ranges += offset, len(operations)
            offset += len(operations) * _SIZE
        if offset > 64 << 20 or max(map(len, sections)) > op.MAX_OPS:
            raise FirkinError(f"the plan is too large: {offset} bytes, {max(map(len, sections))} operations")
        header = (op.MAGIC, op.VERSION, offset, self._private, self.preserve_fds, 0, *ranges)
        text = (_HEADER.size, len(self._layout.area))
        return b"".join([_HEADER.pack(*header, *text), self._layout.area, *(o for s in sections for o in s)])
