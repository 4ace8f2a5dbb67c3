"""The tests of the C code, under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tests.suite.record import Part, parse_junit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["run_c_tests"]

_SETUP = ("-Dtests=true", "-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dbuildtype=debugoptimized")
_MESON = (sys.executable, "-m", "mesonbuild.mesonmain")
_UNDEFINED = "halt_on_error=1:print_stacktrace=1"


def run_c_tests(root: Path) -> Part | None:
    """Builds and runs them in `root`/build/test-c; None where the tree `root` has none."""
    if not (root / "tests/c/meson.build").exists():
        return None
    build = root / "build/test-c"
    log = build / "meson-logs/testlog.junit.xml"
    log.unlink(missing_ok=True)
    # Cython is looked for on PATH.
    path = f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', os.defpath)}"
    environment = os.environ | {"UBSAN_OPTIONS": _UNDEFINED, "PATH": path}
    start = time.monotonic()
    status = 0
    if not (build / "build.ninja").exists():
        status = _meson(["setup", str(build), str(root), *_SETUP], environment)
    status = status or _meson(["test", "-C", str(build), "--print-errorlogs", "--timeout-multiplier=5"], environment)
    results = parse_junit(log.read_text()) if log.exists() else []
    problem = f"meson ended with status {status}" if status and not results else ""
    return Part("C unit tests", "this machine", time.monotonic() - start, results, problem)


def _meson(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    return subprocess.run([*_MESON, *arguments], env=environment, check=False).returncode
