"""firkin: run containers on Linux, measure how cgroup v2 shares a machine.

import firkin

done = firkin.run(["python3", "-c", "print(6 * 7)"], image="python:3.12", memory="256m", capture_output=True)
print(done.stdout, done.stats.memory.peak)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.library.container import Container
    from firkin.runtime.library.options import Mount
    from firkin.runtime.library.run import Completed, run

__all__ = ["Completed", "Container", "Mount", "__version__", "run"]
__version__ = "0.1.0"

# The command imports this module each time, and none of these.
_HOMES = {"Completed": "run", "Container": "container", "Mount": "options", "run": "run"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"firkin.runtime.library.{_HOMES[name]}"), name)
