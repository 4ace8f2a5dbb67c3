"""Kernel modules: which files a module needs, and in which order they are loaded."""

from __future__ import annotations

import gzip
import lzma
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

from tests.vm.errors import VmError

__all__ = ["ModuleIndex", "module_name", "read_module"]


def module_name(path: str) -> str:
    """The name of the module in the file `path`: the kernel takes `-` and `_` for the same."""
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


@dataclass(frozen=True, slots=True)
class ModuleIndex:
    """What `depmod` wrote about one kernel's modules (modules.dep(5)).

    `needs` maps a module to its file and the files it needs, in the order of `modules.dep`: what
    stands further right is loaded earlier. `builtin` are the names linked into the kernel.
    """

    needs: dict[str, tuple[str, ...]]
    builtin: frozenset[str]

    @classmethod
    def parse(cls, dependencies: str, builtin: str) -> ModuleIndex:
        """The index of the texts of `modules.dep` and `modules.builtin`."""
        needs = {}
        for line in dependencies.splitlines():
            path, _, rest = line.partition(":")
            needs[module_name(path)] = (path, *rest.split())
        return cls(needs, frozenset(module_name(line) for line in builtin.splitlines()))

    @classmethod
    def read(cls, directory: Path) -> ModuleIndex:
        """The index of `directory`, such as /lib/modules/6.1.0; raises `OSError`."""
        builtin = directory / "modules.builtin"
        return cls.parse((directory / "modules.dep").read_text(), builtin.read_text() if builtin.exists() else "")

    def lacking(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that are neither modules nor built in."""
        return [name for name in names if name not in self.needs and name not in self.builtin]

    def load_order(self, names: Iterable[str]) -> list[str]:
        """The files to load for `names`, each after what it needs; what is built in needs no file."""
        order: list[str] = []
        for name in names:
            order += [path for path in reversed(self.needs.get(name, ())) if path not in order]
        return order


def read_module(path: Path) -> bytes:
    """The module in `path`, decompressed: an initramfs loads it with init_module(2), which takes it plain.

    Raises `OSError`, and `VmError` if nothing here can decompress it.
    """
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".gz":
        return gzip.decompress(data)
    return _unzstd(path, data) if path.suffix == ".zst" else data


def _unzstd(path: Path, data: bytes) -> bytes:
    try:
        return subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise VmError(f"decompress {path}: no zstd", hint="apt install zstd") from None
    except subprocess.CalledProcessError as failure:
        raise VmError(f"decompress {path}: {failure.stderr.decode(errors='replace').strip()}") from None
