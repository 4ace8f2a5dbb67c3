"""How objects are printed: as tables, YAML, JSON, names, or what a template makes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import yaml

from firkin.errors import UsageError
from firkin.kubelet.client.jsonpath import render
from firkin.kubelet.client.resources import shown_name
from firkin.kubelet.objects.kinds import named

__all__ = ["check_output", "formatted", "tabulate"]

_FORMS = ("", "wide", "yaml", "json", "name")
_PADDING = 3
_NARROWEST = 6


def check_output(form: str) -> None:
    """Raise UsageError if a form of output is not known."""
    if form not in _FORMS and not form.startswith("jsonpath="):
        raise UsageError(
            f"unable to match a printer suitable for the output format {form!r}",
            hint="allowed formats are: json, jsonpath=, name, wide, yaml",
        )


def formatted(form: str, value: dict[str, Any]) -> str:
    """An object, or a list of them, in a form other than a table."""
    match form:
        case "json":
            return json.dumps(value, indent=4, sort_keys=True, ensure_ascii=False) + "\n"
        case "yaml":
            return yaml.dump(value, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=2**20)
        case "name":
            return "".join(f"{_name(one)}\n" for one in value.get("items", [value]))
    return render(form.removeprefix("jsonpath="), value)


def tabulate(rows: Sequence[Sequence[str]], widths: list[int] | None = None) -> str:
    """Rows in columns, each as wide as its widest cell; `widths` are those of a table that is gone on with."""
    if not rows:
        return ""
    known = widths if widths is not None else []
    for column in range(len(rows[0])):
        width = max(len(row[column]) for row in rows) + _PADDING
        if column >= len(known):
            known.append(_NARROWEST)
        known[column] = max(known[column], width)
    lines = ("".join(cell.ljust(width) for cell, width in zip(row, known, strict=False)).rstrip(" ") for row in rows)
    return "".join(f"{line}\n" for line in lines)


def _name(value: dict[str, Any]) -> str:
    kind = named(value["apiVersion"], value["kind"])
    name = value["metadata"]["name"]
    return shown_name(kind, name) if kind is not None else f"{value['kind'].lower()}/{name}"


class _Dumper(yaml.CSafeDumper):
    pass


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # Several lines are read best as they are.
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
