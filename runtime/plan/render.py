"""A plan as text for people."""

from __future__ import annotations

from firkin.runtime.plan import opcodes as op
from firkin.runtime.plan.disassemble import read_plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.plan.disassemble import Operation, Value

__all__ = ["printable", "render"]

_TITLES = {
    "parent": "parent: the process that runs firkin",
    "child": "child: firkin-init, which becomes the workload",
    "undo": "undo: the parent after a failure",
}
_LONGEST = 100
_HEXADECIMAL = frozenset(("flags", "types", "type", "attributes", "set", "clear", "keep", "mode"))
_CAPABILITIES = frozenset(("effective", "permitted", "inheritable", "ambient"))


def render(plan: bytes) -> str:
    """One line an operation: number, name, arguments, and the place in the document that asks for it."""
    lines: list[str] = []
    section = ""
    for operation in read_plan(plan):
        if operation.section != section:
            section = operation.section
            lines += ["", _TITLES[section]] if lines else [_TITLES[section]]
        lines.append(_line(operation))
    return "\n".join(lines) + "\n"


def _line(operation: Operation) -> str:
    words = []
    for (name, value), kind in zip(operation.arguments.items(), op.KINDS[operation.code], strict=False):
        words.append(f"{name}={_word(name, value, kind)}")
    origin = f"   # {operation.origin}" if operation.origin else ""
    return f"{operation.index:4}  {operation.name:18} {' '.join(words)}{origin}"


def _word(name: str, value: Value, kind: str) -> str:
    if isinstance(value, int):
        if kind in "soS":
            return "-" if value == op.NO_SLOT else f"fd{value}"
        if name in _CAPABILITIES or (name in _HEXADECIMAL and value):
            return oct(value) if name == "mode" else hex(value)
        return str(value - (1 << 64) if value >> 63 else value)
    shown = printable(value)
    text = " ".join(shown) if isinstance(shown, list) else str(shown)
    text = text if text.isprintable() and text and " " not in text else repr(text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def printable(value: Value) -> int | str | list[str]:
    """A value for people and for JSON: bytes as text where they are text, else their number."""
    if not isinstance(value, bytes):
        return value
    shown = value.replace(bytes((op.HOLE_PID,)), b"<pid>").replace(bytes((op.HOLE_START_TIME,)), b"<start time>")
    try:
        # Options of a mount are pairs of NUL-terminated texts.
        text = " ".join(shown.decode().split("\0")).strip()
    except UnicodeDecodeError:
        text = "\1"
    return text if text.replace("\n", "").replace("\t", "").isprintable() and b"\0\0\0" not in value else _size(value)


def _size(value: bytes) -> str:
    return f"<{len(value)} bytes>"
