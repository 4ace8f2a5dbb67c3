"""The command's first module: imports all others from one file.

Finding, opening and checking a file costs more than running most modules, so the build puts the compiled modules into
`modules.bin` beside this file (csrc/bundle_modules.py). Where it is missing or of another Python version the usual
files are imported, with the same result.
"""

import gc
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER
from marshal import loads
from posix import O_CLOEXEC, O_RDONLY, close, open, pread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["main"]

_DIRECTORY = __file__.rpartition("/")[0]


class _Bundle:
    # An importer of the modules in an open file, whose index of `size` bytes is name -> (offset, size, is a package).

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._codes = 24 + size
        self._index: dict[str, tuple[int, int, bool]] = loads(pread(fd, size, 24))

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        found = self._index.get(name)
        if found is None:
            return None
        path = _DIRECTORY + name.removeprefix("firkin").replace(".", "/")
        spec = ModuleSpec(name, self, origin=f"{path}/__init__.py" if found[2] else f"{path}.py", is_package=found[2])
        spec.has_location = True
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(path)
        return spec

    def create_module(self, _spec: ModuleSpec) -> None:
        return

    def exec_module(self, module: "ModuleType") -> None:
        offset, size, _ = self._index[module.__name__]
        exec(loads(pread(self._fd, size, self._codes + offset)), module.__dict__)


def _use_bundle() -> None:
    try:
        fd = open(f"{_DIRECTORY}/modules.bin", O_RDONLY | O_CLOEXEC)
    except FileNotFoundError:
        return
    head = pread(fd, 24, 0)
    if head[:16] == MAGIC_NUMBER.ljust(16, b"\0"):
        sys.meta_path.insert(0, _Bundle(fd, int.from_bytes(head[16:], "little")))
    else:
        close(fd)


def main(answer: int = -1) -> int:
    """Run the command line in `sys.argv`; returns the exit code.

    Parameters: `answer` is a descriptor with the answer of a container that the command's front (csrc/front_start.c)
    has started already, and that says why it does not run; -1 for none.
    """
    # The process ends before there is anything worth collecting.
    gc.disable()
    _use_bundle()
    from firkin.runtime.cli.main import main as run

    return run(sys.argv[1:], answer)
