"""Reading a bundle: its config.json, decoded and validated."""

from __future__ import annotations

import os

from firkin.errors import FirkinError
from firkin.oci.runtime_spec.config import load_config
from firkin.oci.validate import validate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.runtime_spec import Config

__all__ = ["read_bundle"]

_LARGEST = 16 << 20


def read_bundle(bundle: str, config: str = "", *, strict: bool = False) -> tuple[str, bytes, Config]:
    """The absolute path of a bundle, the text of its configuration, and the configuration.

    Parameters: `config` names another file than the bundle's config.json; `strict` refuses unknown fields.
    Raises FirkinError naming the file, ConfigError naming the place inside it.
    """
    path = os.path.abspath(bundle or ".")
    if not os.path.isdir(path):
        raise FirkinError(f"bundle {path}: no such directory")
    file = config or f"{path}/config.json"
    text = _read(file)
    document = load_config(text, strict=strict, document=os.path.basename(file))
    validate(document)
    return path, text, document


def _read(file: str) -> bytes:
    try:
        with open(file, "rb") as opened:
            text = opened.read(_LARGEST + 1)
    except OSError as error:
        hint = "firkin spec writes one" if isinstance(error, FileNotFoundError) else ""
        raise FirkinError(f"read {file}: {error.strerror}", hint=hint) from error
    if len(text) > _LARGEST:
        raise FirkinError(f"read {file}: is larger than {_LARGEST >> 20} MiB")
    return text
