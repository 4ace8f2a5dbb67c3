"""Numbers, quantities and ports."""

from __future__ import annotations

import re
from collections.abc import Mapping

from firkin.kubelet.api.container import ResourceRequirements
from firkin.kubelet.api.probe import IntOrString
from firkin.kubelet.api.quantity import Quantity, parse_quantity
from firkin.kubelet.objects.validation import names
from firkin.kubelet.objects.validation.fault import Faults, invalid, join, required

__all__ = ["at_least", "between", "count_or_percent", "port", "port_or_name", "quantity", "resources"]

_MOST_INT32 = (1 << 31) - 1


def at_least(path: str, value: int | None, least: int = 0) -> Faults:
    """A number of 32 bits that is not smaller than `least`."""
    if value is not None and value < least:
        yield invalid(path, value, f"must be greater than or equal to {least}")
    elif value is not None and value > _MOST_INT32:
        yield invalid(path, value, f"must be less than or equal to {_MOST_INT32}")


def between(path: str, value: int | None, least: int, most: int) -> Faults:
    """A number in a range, both ends included."""
    if value is not None and not least <= value <= most:
        yield invalid(path, value, f"must be between {least} and {most}, inclusive")


def port(path: str, value: int) -> Faults:
    """A port by number."""
    yield from between(path, value, 1, 65535)


def port_or_name(path: str, value: IntOrString) -> Faults:
    """A port by number or name."""
    yield from port(path, value) if isinstance(value, int) else names.port_name(path, value)


def count_or_percent(path: str, value: IntOrString | None) -> Faults:
    """A number, or a percentage such as 25%."""
    if isinstance(value, int):
        yield from at_least(path, value)
    elif value is not None and not re.fullmatch("[0-9]+%", value):
        detail = (
            "a valid percent string must be a numeric string followed by an ending '%' "
            "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
        )
        yield invalid(path, value, detail)


def quantity(path: str, value: Quantity | None) -> Faults:
    """A quantity that is not negative."""
    if value is None:
        return
    try:
        number = parse_quantity(value)
    except ValueError as error:
        yield invalid(path, value, str(error))
        return
    if number < 0:
        yield invalid(path, str(value), "must be greater than or equal to 0")


def resources(path: str, value: ResourceRequirements) -> Faults:
    """Requests and limits of a container."""
    for kind, amounts in (("limits", value.limits), ("requests", value.requests)):
        for name, amount in amounts.items():
            place = f"{path}.{kind}[{name}]" if "/" in name or "." in name else f"{path}.{kind}.{name}"
            yield from _resource_name(place, name)
            yield from quantity(place, amount)
    yield from _within_limits(join(path, "requests"), value.requests, value.limits)


def _resource_name(path: str, name: str) -> Faults:
    if "/" in name:
        yield from names.qualified(path, name)
    elif name not in ("cpu", "memory", "ephemeral-storage") and not name.startswith("hugepages-"):
        yield invalid(path, name, "must be a standard resource for containers")


def _within_limits(path: str, requests: Mapping[str, Quantity], limits: Mapping[str, Quantity]) -> Faults:
    for name, amount in requests.items():
        limit = limits.get(name)
        try:
            exceeds = limit is not None and parse_quantity(amount) > parse_quantity(limit)
        except ValueError:
            continue
        if exceeds:
            yield invalid(path, str(amount), f"must be less than or equal to {name} limit of {limit}")
        elif limit is None and name.startswith("hugepages-"):
            yield required(
                path.replace("requests", "limits"), f"Limit must be set for non overcommitable resources: {name}"
            )
