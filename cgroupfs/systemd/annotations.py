"""Properties of a unit that a configuration asks for in annotations: those which can only concern its own unit.

`org.systemd.property.NAME` holds a value in GVariant's text format. Whoever may set properties of a system unit may
run programs as root (ExecStop=), start other units or take limits away, so only names of a list pass.

Source: the annotations of other runtimes (runc docs/systemd.md); CVE-2024-3154.
"""

from __future__ import annotations

from firkin.cgroupfs.systemd.gvariant import parse_gvariant
from firkin.errors import ConfigError, UnsupportedError
from firkin.oci.annotation import subscript

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from firkin.cgroupfs.systemd.properties import Property

__all__ = ["PREFIX", "annotated_properties"]

PREFIX = "org.systemd.property."

_SAFE = {
    "CollectMode": "s",
    "Description": "s",
    "Documentation": "as",
    "KillSignal": "i",
    "ManagedOOMMemoryPressure": "s",
    "ManagedOOMPreference": "s",
    "ManagedOOMSwap": "s",
    "OOMPolicy": "s",
    "RuntimeMaxUSec": "t",
    "SendSIGHUP": "b",
    "SendSIGKILL": "b",
    "TimeoutStopUSec": "t",
}
_RANGES = {"i": (-(1 << 31), (1 << 31) - 1), "t": (0, (1 << 64) - 1)}
_SECOND = 1_000_000


def annotated_properties(annotations: Mapping[str, str]) -> list[Property]:
    """The properties that the annotations of a configuration ask for, in their order.

    A name that ends in `Sec` stands for the one that ends in `USec`, in seconds.
    Raises UnsupportedError for a property that is not allowed, ConfigError for a value that is not of its type.
    """
    found = []
    for key, text in annotations.items():
        if key.startswith(PREFIX):
            found.append(_property(key.removeprefix(PREFIX), text, f"annotations{subscript(key)}"))
    return found


def _property(asked: str, text: str, place: str) -> Property:
    in_seconds = asked.endswith("Sec") and not asked.endswith("USec")
    name = asked.removesuffix("Sec") + "USec" if in_seconds else asked
    signature = _SAFE.get(name)
    if signature is None:
        hint = "limits are set by linux.resources; allowed are " + ", ".join(_SAFE)
        raise UnsupportedError(place, "is not a property that an annotation may set", hint=hint)
    try:
        given, value = parse_gvariant(text)
    except ValueError as error:
        raise ConfigError(place, f"{text!r} {error}") from None
    return name, (signature, _converted(given, value, signature, place, in_seconds=in_seconds))


def _converted(given: str, value: object, signature: str, place: str, *, in_seconds: bool) -> object:
    if in_seconds and isinstance(value, (int, float)) and given not in "bh":
        value = _microseconds(value, place)
    elif given == signature and signature not in _RANGES:
        return value
    if signature not in _RANGES or isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(place, f"is of type {given!r}, not {signature!r}")
    low, high = _RANGES[signature]
    if not low <= value <= high:
        raise ConfigError(place, f"must be from {low} to {high}, got {value}")
    return value


def _microseconds(seconds: float, place: str) -> int:
    try:
        return int(seconds * _SECOND)
    except (ValueError, OverflowError):
        raise ConfigError(place, f"{seconds} is no time") from None
