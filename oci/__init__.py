"""The OCI specifications as typed data; each name is imported when it is first used.

`load_config` reads and types a `config.json`, `firkin.oci.validate` checks its rules, `encode` gives the JSON back.
All records of the runtime specification are in `firkin.oci.runtime_spec`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.encoding import encode, unknown_fields
    from firkin.oci.features import Features
    from firkin.oci.record import Record, decode, replace
    from firkin.oci.runtime_spec.config import Config, load_config
    from firkin.oci.runtime_spec.process import Process
    from firkin.oci.runtime_spec.resources import Resources
    from firkin.oci.state import State

__all__ = [
    "Config",
    "Features",
    "Process",
    "Record",
    "Resources",
    "State",
    "decode",
    "encode",
    "load_config",
    "replace",
    "unknown_fields",
]

_MODULES = {
    "Config": "runtime_spec.config",
    "Features": "features",
    "Process": "runtime_spec.process",
    "Record": "record",
    "Resources": "runtime_spec.resources",
    "State": "state",
    "decode": "record",
    "encode": "encoding",
    "load_config": "runtime_spec.config",
    "replace": "record",
    "unknown_fields": "encoding",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(__import__(f"{__name__}.{_MODULES[name]}", fromlist=[name]), name)
        return value
