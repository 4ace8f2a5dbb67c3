"""Compiles Python modules into one file, from which firkin/start.py imports them.

python csrc/bundle_modules.py OUTPUT PACKAGE=FOLDER...
"""

import marshal
import sys
from importlib.util import MAGIC_NUMBER
from pathlib import Path


def bundle(packages: dict[str, Path]) -> bytes:
    """The file's bytes: Python's magic number, the length of the index, the index, and the code objects."""
    found: dict[str, tuple[bytes, bool]] = {}
    for package, folder in packages.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            # Relative to the directory of packages: where tracebacks look for the source.
            source = f"{package.replace('.', '/')}/{path.relative_to(folder)}"
            code = compile(path.read_bytes(), source, "exec", dont_inherit=True, optimize=2)
            found[name] = marshal.dumps(code), is_package
    return _lay_out(found)


def _lay_out(found: dict[str, tuple[bytes, bool]]) -> bytes:
    index: dict[str, tuple[int, int, bool]] = {}
    codes = b""
    for name, (code, is_package) in found.items():
        index[name] = len(codes), len(code), is_package
        codes += code
    head = marshal.dumps(index)
    return MAGIC_NUMBER.ljust(16, b"\0") + len(head).to_bytes(8, "little") + head + codes


if __name__ == "__main__":
    pairs = [argument.split("=", 1) for argument in sys.argv[2:]]
    Path(sys.argv[1]).write_bytes(bundle({package: Path(folder) for package, folder in pairs}))
