"""`firkin bench predict`: what people and programs are told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.bench_results import experiment, quantity, result
from tests.support.bundle import Firkin
from tests.support.pages import Page

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


def test_a_page_of_what_if(firkin: Firkin, tmp_path: Path) -> None:
    done = firkin("bench", "predict", EXAMPLE, "--html", tmp_path / "p.html", "--set", "limited/cpu.max=max")
    assert (done.stdout, done.stderr) == ("", f"{tmp_path}/p.html written: open it in a browser\n")
    page = Page((tmp_path / "p.html").read_text())
    assert "Who gets what: tree.yaml" in page.text and page.tags.count("figure") == 6


def test_a_page_of_a_result(firkin: Firkin, tmp_path: Path) -> None:
    run = tmp_path / "run.json"
    run.write_text(json.dumps(result(experiment("one"))))
    firkin("bench", "report", run)
    page = Page((tmp_path / "run.html").read_text())
    assert page.ids == ["x-one"]
    assert Page(firkin("bench", "report", run, "-o", "-").stdout).ids == ["x-one"]
    run.write_text("{}")
    done = firkin("bench", "report", run, check=False)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert f"{run}: object missing required field `host`" in done.stderr


def test_two_runs_are_compared(firkin: Firkin, tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in ("old.json", "new.json", "other.json"))
    old.write_text(json.dumps(result(experiment("one"))))
    new.write_text(json.dumps(result(experiment("one", quantity("half", 0.5, 0.8)))))
    other.write_text(json.dumps(result(experiment("one"), processors=64)))
    assert firkin("bench", "compare", old, old).stdout.startswith("1 of 1 quantities are as they were")
    done = firkin("bench", "compare", old, new, "--json", check=False)
    assert done.returncode == 1
    assert [(one["name"], one["kind"]) for one in json.loads(done.stdout)["differences"]] == [("half", "worse")]
    refused = firkin("bench", "compare", old, other, check=False)
    assert refused.returncode == 1 and "different hosts: 2 processors before, 64 now" in refused.stderr
    assert "! different hosts" in firkin("bench", "compare", "--any-host", old, other).stdout


def test_a_day_of_the_example(firkin: Firkin, tmp_path: Path) -> None:
    trace = EXAMPLE.with_name("day.csv")
    text = firkin("bench", "predict", EXAMPLE, "--trace", trace).stdout
    assert "limited     throttled by cpu.max" in text and "--set limited/cpu.max=0.8" in text
    firkin("bench", "predict", EXAMPLE, "--trace", trace, "--html", tmp_path / "day.html", "--set", "machine.cpus=7")
    page = Page((tmp_path / "day.html").read_text())
    assert "A day of tree.yaml" in page.text and "machine.cpus=7" in page.text
    document = json.loads(firkin("bench", "predict", EXAMPLE, "--trace", trace, "--json").stdout)
    assert len(document["machine"]) == 144
    (tmp_path / "bad.csv").write_text("time,group,resource,demand\n06:00,nobody,cpu,1\n")
    done = firkin("bench", "predict", EXAMPLE, "--trace", tmp_path / "bad.csv", check=False)
    assert done.stderr == f"firkin: error: {tmp_path}/bad.csv:2: group: the tree has no 'nobody'\n"


def test_the_trace_of_the_example_is_what_its_program_writes() -> None:
    program = EXAMPLE.with_name("day.py")
    written = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True).stdout
    assert written == EXAMPLE.with_name("day.csv").read_text()


def test_a_generated_node(firkin: Firkin, tmp_path: Path) -> None:
    node = tmp_path / "node.yaml"
    node.write_text(firkin("bench", "generate", "10000", "--seed", "3").stdout)
    document = json.loads(firkin("bench", "predict", node, "--json", "--html", tmp_path / "node.html").stdout)
    assert len(document["groups"]) == 10000
    assert (tmp_path / "node.html").stat().st_size < 1 << 20
    done = firkin("bench", "generate", "9", check=False)
    assert "'9' is not a number of groups from 10 to 1000000" in done.stderr
