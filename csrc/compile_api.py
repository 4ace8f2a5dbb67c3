"""Compiles the .proto files of CRI to Python: `python csrc/compile_api.py SOURCES DESTINATION [--stubs]`."""

import shutil
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

_PACKAGE = "firkin/cri/api"


def compile_api(sources: Path, destination: Path, *, stubs: bool) -> int:
    """Write a module, or a type stub, for each .proto file; returns protoc's exit status."""
    names = [f"{_PACKAGE}/{path.name}" for path in sorted(sources.glob("*.proto"))]
    with tempfile.TemporaryDirectory() as folder:
        out = f"--{'pyi' if stubs else 'python'}_out={folder}"
        status: int = protoc.main(["protoc", f"-I{_PACKAGE}={sources}", out, *names])
        if status == 0:
            for path in Path(folder, _PACKAGE).iterdir():
                shutil.copyfile(path, destination / path.name)
    return status


if __name__ == "__main__":
    sys.exit(compile_api(Path(sys.argv[1]), Path(sys.argv[2]), stubs="--stubs" in sys.argv[3:]))
