"""The answer to `--version`: lines that engines parse."""

from __future__ import annotations

import firkin

__all__ = ["SPEC_VERSION", "version_text"]

SPEC_VERSION = "1.3.0"


def version_text() -> str:
    """The version of firkin, of the runtime specification, and of libseccomp where that is installed."""
    lines = [f"firkin version {firkin.__version__}", f"spec: {SPEC_VERSION}"]
    try:
        from firkin.runtime.seccomp.libseccomp import library_version
    except ImportError:
        # The version of the others must be had on a host without the library too.
        return "\n".join(lines) + "\n"
    return "\n".join([*lines, f"libseccomp: {library_version()}"]) + "\n"
