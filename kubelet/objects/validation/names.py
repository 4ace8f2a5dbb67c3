"""The forms of names (apimachinery, util/validation)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from firkin.kubelet.objects.validation.fault import Fault, Faults, invalid, required, too_long

__all__ = ["annotation_names", "config_key", "env_name", "label_name", "labels", "port_name", "qualified", "subdomain"]

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = rf"({_QUALIFIED})?"
_ENV = r"[ -<>-~]+"
_KEY = r"[-._a-zA-Z0-9]+"
_PORT_NAME = r"[-a-z0-9]+"
_ANNOTATIONS = 256 << 10

_ABOUT_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_ABOUT_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_ABOUT_QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_ABOUT_LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_ABOUT_KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)


def label_name(path: str, value: str) -> Faults:
    """A name of at most 63 letters, digits and dashes: of containers, volumes, namespaces."""
    yield from _form(path, value, _LABEL, 63, _ABOUT_LABEL)


def subdomain(path: str, value: str, most: int = 253) -> Faults:
    """A name of labels with dots in between: of most objects."""
    yield from _form(path, value, _SUBDOMAIN, most, _ABOUT_SUBDOMAIN)


def qualified(path: str, value: str) -> Faults:
    """A name with an optional domain in front, such as `app.kubernetes.io/name`: of labels and annotations."""
    prefix, slash, name = value.rpartition("/")
    if slash and not prefix:
        yield invalid(path, value, "prefix part must be non-empty")
    elif prefix and (not re.fullmatch(_SUBDOMAIN, prefix) or len(prefix) > 253):
        yield invalid(path, value, f"prefix part {_ABOUT_SUBDOMAIN}")
    if not name:
        yield invalid(path, value, "name part must be non-empty")
    elif len(name) > 63:
        yield invalid(path, value, "name part must be no more than 63 bytes")
    elif not re.fullmatch(_QUALIFIED, name):
        yield invalid(path, value, _ABOUT_QUALIFIED)


def labels(path: str, values: Mapping[str, str]) -> Faults:
    """Labels: their names and their values."""
    for name, value in values.items():
        yield from qualified(path, name)
        if len(value) > 63:
            yield invalid(path, value, "must be no more than 63 bytes")
        elif not re.fullmatch(_LABEL_VALUE, value):
            yield invalid(path, value, _ABOUT_LABEL_VALUE)


def annotation_names(path: str, values: Mapping[str, str]) -> Faults:
    """Annotations: their names, and how much they are together."""
    for name in values:
        yield from qualified(path, name.lower())
    if sum(len(name.encode()) + len(value.encode()) for name, value in values.items()) > _ANNOTATIONS:
        yield too_long(path, _ANNOTATIONS)


def config_key(path: str, value: str) -> Faults:
    """A key of a ConfigMap or a Secret, which may become the name of a file."""
    if value in (".", "..") or value.startswith(".."):
        yield invalid(path, value, f"must not be '{value}'" if value in (".", "..") else "must not start with '..'")
    else:
        yield from _form(path, value, _KEY, 253, _ABOUT_KEY)


def env_name(path: str, value: str) -> Faults:
    """The name of a variable: printable, without '='."""
    about = (
        "a valid environment variable name must consist only of printable ASCII characters other than '=' "
        "(e.g. 'my.env-name', regex used for validation is '[ -<>-~]+')"
    )
    yield from _form(path, value, _ENV, None, about)


def port_name(path: str, value: str) -> Faults:
    """The name of a port (IANA service names)."""
    if len(value) > 15:
        yield invalid(path, value, "must be no more than 15 characters")
    elif not re.fullmatch(_PORT_NAME, value):
        yield invalid(path, value, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    elif not re.search("[a-z]", value):
        yield invalid(path, value, "must contain at least one letter (a-z)")
    elif "--" in value or value[0] == "-" or value[-1] == "-":
        yield invalid(path, value, "must not begin or end with a hyphen, or contain two in a row")


def _form(path: str, value: str, pattern: str, most: int | None, about: str) -> Faults:
    if not value:
        yield required(path)
    elif most is not None and len(value.encode()) > most:
        yield Fault(path, "FieldValueInvalid", f'Invalid value: "{value}": must be no more than {most} bytes')
    elif not re.fullmatch(pattern, value):
        yield invalid(path, value, about)
