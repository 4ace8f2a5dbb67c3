"""`firkin bench predict`: what people and programs are told."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.bundle import Firkin

EXAMPLE = Path(__file__).parents[3] / "examples/tree.yaml"


def test_the_example(firkin: Firkin) -> None:
    text = firkin("bench", "predict", EXAMPLE).stdout
    assert text.startswith("GROUP ") and "cpu.max throttles" in text and "! memory: 8.50 GiB are wanted" in text
    document = json.loads(firkin("bench", "predict", EXAMPLE, "--json", "--set", "machine.memory=64G").stdout)
    assert document["warnings"] == [] and document["groups"][0]["path"] == "web"


def test_what_is_wrong_is_one_line(firkin: Firkin, tmp_path: Path) -> None:
    path = tmp_path / "tree.yaml"
    path.write_text("groups:\n  a: {cpu.weight: 20000}\n")
    done = firkin("bench", "predict", path, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == f"firkin: error: {path}:2:19: a.cpu.weight: '20000' is not a whole number from 1 to 10000\n"
    assert "No such file" in firkin("bench", "predict", tmp_path / "none", check=False).stderr
    assert "exactly one TREE" in firkin("bench", "predict", check=False).stderr
