"""The cores do no input or output: they import nothing that could."""

from __future__ import annotations

import subprocess
import sys

CORES = (
    "channels", "command", "command_spdy", "command_websocket", "events", "forward", "forward_spdy",
    "forward_websocket", "head", "limits", "negotiate", "request", "resize", "spdy.session", "status", "websocket",
)  # fmt: skip
IMPURE = {"asyncio", "selectors", "ssl", "subprocess", "threading"}


def test_the_cores_import_nothing_that_does_input_or_output() -> None:
    imports = "; ".join(f"import firkin.cri.streaming.{name}" for name in CORES)
    # What the interpreter and the framing library bring with them is not ours to choose.
    script = f"import sys, websockets.server; before = set(sys.modules); {imports}; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "firkin.cri.streaming.forward_websocket" in loaded
    assert loaded & (IMPURE | {"socket", "time", "random", "os"}) == set()


def test_nor_does_the_framing_library_bring_an_event_loop() -> None:
    script = "import sys, firkin.cri.streaming.websocket; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & {"asyncio", "ssl", "subprocess"} == set()
