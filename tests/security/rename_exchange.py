"""An attacker who shares a volume with a container in the making."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType

# A process of its own: a thread would fight with the test for the interpreter.
_PROGRAM = """
import ctypes, os, select, sys
first, second = map(os.fsencode, sys.argv[1:])
rename, count = ctypes.CDLL(None, use_errno=True).renameat2, 0
print("ready", flush=True)
while not select.select([0], [], [], 0)[0]:
    for _ in range(50):
        if rename(-100, first, -100, second, 2):  # AT_FDCWD, RENAME_EXCHANGE
            sys.exit(os.strerror(ctypes.get_errno()))
    count += 50
print(count)
"""


class Swapper:
    """Exchanges two names with renameat2(2) as fast as it can while the block runs; then `count` is how often."""

    def __init__(self, first: Path, second: Path) -> None:
        self.count = 0
        self._argv = [sys.executable, "-I", "-S", "-c", _PROGRAM, str(first), str(second)]

    def __enter__(self) -> Swapper:
        self._process = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        output, _ = self._process.communicate()
        assert not self._process.returncode
        self.count = int(output)
