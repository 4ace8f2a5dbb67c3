"""Forecasts as text."""

from __future__ import annotations

from collections.abc import Iterator

from firkin.runtime.cli.table import table
from firkin.workbench.forecast import Forecast, Line

__all__ = ["as_json", "as_text"]

_BAR = 20
_HEADING = ("group", "cpu", "of wanted", "", "memory", "protected", "io", "notes")


def as_text(forecast: Forecast, cpus: int, before: Forecast | None = None) -> str:
    """A table with bars; with `before`, what has changed since then is told too."""
    former = {line.path: line for line in before.lines} if before else {}
    rows = [_row(line, cpus, former.get(line.path)) for line in forecast.lines]
    warnings = "".join(f"! {warning}\n" for warning in forecast.warnings)
    return table(_HEADING, rows) + warnings


def _row(line: Line, cpus: int, before: Line | None) -> tuple[str, ...]:
    depth = line.path.count("/")
    name = "  " * depth + line.path.rpartition("/")[2]
    part = f"{line.cpu / line.cpu_wanted:.0%}" if line.cpu_wanted else "-"
    return (
        name,
        f"{line.cpu:.2f}{_change(line.cpu, before.cpu if before else line.cpu)}",
        part,
        "█" * round(_BAR * line.cpu / cpus),
        f"{_bytes(line.memory)}{_change(line.memory, before.memory if before else line.memory, _bytes)}",
        _bytes(line.protected) if line.protected else "-",
        f"{line.io:.0%}" if line.io else "-",
        "; ".join(line.notes),
    )


def _change(now: float, before: float, form: object = None) -> str:
    if abs(now - before) <= 0.005 * max(abs(before), 1e-9):
        return ""
    text = _bytes(abs(now - before)) if form else f"{abs(now - before):.2f}"
    return "" if text == "0.00" else f" ({'+' if now > before else '-'}{text})"


def _bytes(value: float) -> str:
    for unit, size in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if value >= size:
            return f"{value / size:.4g}{unit}"
    return f"{value:.0f}"


def as_json(forecast: Forecast) -> dict[str, object]:
    """The same for programs: processors, bytes and shares as numbers; what has no bound is null."""
    return {"groups": list(map(_line, forecast.lines)), "warnings": list(forecast.warnings)}


def _line(line: Line) -> dict[str, object]:
    return dict(_fields(line))


def _fields(line: Line) -> Iterator[tuple[str, object]]:
    for name in ("path", "cpu", "memory", "protected", "io"):
        yield name, getattr(line, name)
    yield "cpuWanted", line.cpu_wanted
    yield "memoryWanted", line.memory_wanted
    yield "ioWanted", line.io_wanted
    yield "pidsLeft", None if line.pids_left == float("inf") else line.pids_left
    yield "notes", list(line.notes)
