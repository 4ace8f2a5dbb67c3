"""Imports point downwards, and the start path imports next to nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("oci", "cgroupfs", "runtime", "cri", "kubelet")
FORBIDDEN_AT_START = {
    "abc_", "argparse", "asyncio", "collections", "contextlib", "ctypes", "dataclasses", "enum", "functools", "hashlib",
    "importlib", "inspect", "json", "logging", "pathlib", "re", "shutil", "signal", "socket", "struct", "subprocess",
    "tempfile", "threading", "typing",
}  # fmt: skip


def imported_modules(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def imported_layers(path: Path) -> set[str]:
    found = imported_modules(path)
    return {name.split(".")[1] for name in found if name.startswith("firkin.")} & set(LAYERS)


@pytest.mark.parametrize("layer", LAYERS)
def test_layer_imports_only_what_is_below(layer: str) -> None:
    allowed = set(LAYERS[: LAYERS.index(layer) + 1])
    for path in (ROOT / layer).rglob("*.py"):
        assert imported_layers(path) <= allowed, path


def test_the_agent_knows_of_the_runtime_nothing_but_its_calls() -> None:
    # What starts both in one process, and shows the configuration of both, must know both.
    both = {"node_command.py", "config_command.py"}
    for path in (ROOT / "kubelet").rglob("*.py"):
        found = {name for name in imported_modules(path) if name.startswith("firkin.cri")}
        assert path.name in both or all(name.startswith("firkin.cri.api") for name in found), path


def test_the_workbench_is_used_by_nothing_and_uses_cgroups_alone() -> None:
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*.py"):
            assert "from firkin.workbench" not in path.read_text(), path
    for path in (ROOT / "benchmarks/workbench").rglob("*.py"):
        # Contests with peers make bundles.
        more = {"oci", "cri"} if path.parent.name == "peers" else set()
        assert imported_layers(path) <= {"cgroupfs", "runtime"} | more, path


def test_every_module_is_of_readable_size() -> None:
    folders = [*LAYERS, "firkin", "csrc", "benchmarks"]
    files = [p for f in folders for p in (ROOT / f).rglob("*") if p.suffix in (".py", ".c", ".h")]
    files += (ROOT / "tests").rglob("*.py")
    assert len(files) > 50
    assert [p for p in files if len(p.read_text().splitlines()) > 500] == []


def loaded_modules(bundle: Path, *words: str) -> set[str]:
    script = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from firkin.runtime.cli.main import main\n"
        "main(sys.argv[1:]); sys.stderr.write(' '.join(sys.modules))"
    )
    import firkin

    packages = str(Path(str(firkin.__file__)).parents[1])
    argv = [sys.executable, "-I", "-S", "-c", script, packages, *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=bundle)
    return set(done.stderr.split("\n")[-1].split())


def test_compiling_a_bundle_imports_none_of_the_slow_modules(tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    loaded_modules(tmp_path, "spec")
    text = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(text.replace('"terminal": true', '"terminal": false'))
    loaded = loaded_modules(tmp_path, "explain", ".")
    assert "firkin.runtime.compile.container" in loaded
    assert loaded & FORBIDDEN_AT_START == set()


@pytest.mark.parametrize("words", [("state", "x"), ("kill", "x"), ("delete", "x"), ("start", "x"), ("run", "x")])
def test_commands_of_a_container_import_none_of_the_slow_modules(tmp_path: Path, words: tuple[str, ...]) -> None:
    loaded = loaded_modules(tmp_path, "--root", str(tmp_path / "state"), *words)
    assert "firkin.runtime.cli.main" in loaded
    assert loaded & FORBIDDEN_AT_START == set()
