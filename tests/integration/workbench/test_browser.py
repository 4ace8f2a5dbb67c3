"""The pages of the workbench in a real browser: they load, they ask for nothing, and there is something to be seen."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bench_results import experiment, quantity, result
from tests.support.browser import Browser, browser
from tests.support.bundle import Firkin
from tests.support.png import colours

pytestmark = pytest.mark.requires("chromium")

EXAMPLE = Path(__file__).parents[3] / "examples/tree.yaml"
MEASURED_LIGHT, MEASURED_DARK = b"\x17\x63\xa6", b"\x62\xae\xe8"
PAPER_LIGHT, PAPER_DARK = b"\xfc\xfb\xf8", b"\x14\x17\x1b"
TIMES = [number / 10 for number in range(50)]
HOSTILE = "</style><script>document.title='broken'</script><img src='http://127.0.0.1:9/x'>"
RUN = result(
    experiment("weights"),
    experiment("late", quantity("first", 0.5, 0.7), series={
        "first": {"unit": "processors", "times": TIMES, "values": [2.0 - at / 5 for at in TIMES]},
    }),
    experiment("quota", distributions={"wait": {"unit": "s", "counts": [[0.001, 5], [0.05, 9], [0.1, 1]]}}),
    experiment("hostile", quantity(HOSTILE, 0.5, 0.5), question=HOSTILE),
    {"name": "io", "question": "Is it?", "skipped": "needs the controller io"},
)  # fmt: skip


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def report(firkin: Firkin, tmp_path: Path) -> Path:
    (tmp_path / "run.json").write_text(json.dumps(RUN))
    firkin("bench", "report", tmp_path / "run.json")
    return tmp_path / "run.html"


def opened(tab: Browser, page: Path, width: int = 800, height: int = 400, scheme: str = "light") -> Browser:
    tab.requests.clear()
    tab.complaints.clear()
    tab.size(width, height)
    tab.scheme(scheme)
    tab.open(page)
    return tab


def seen(tab: Browser) -> Counter[bytes]:
    tab.value("document.querySelector('figure').scrollIntoView()")
    return colours(tab.picture())


def test_a_report_loads_and_asks_for_nothing(tab: Browser, report: Path) -> None:
    opened(tab, report)
    assert tab.requests == [report.as_uri()] and tab.complaints == []
    sections = tab.value("[...document.querySelectorAll('section h2')].map(one => one.innerText.slice(1))")
    assert sections == ["weights", "late", "quota", "hostile", "io"]
    assert "5 experiments: 3 as predicted, 1 not as predicted, 1 left out" in tab.value("document.title")
    links = "[...document.querySelectorAll('a')].every(one => document.querySelector(one.getAttribute('href')))"
    assert tab.value(links) is True


def test_pictures_have_words_for_those_who_do_not_see_them(tab: Browser, report: Path) -> None:
    opened(tab, report)
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    images = [node["name"]["value"] for node in nodes if node.get("role", {}).get("value") in ("image", "img")]
    assert "late: predicted and measured. first: predicted 0.5, measured 0.7" in images
    assert all(images)


def test_a_report_is_to_be_seen_light_and_dark(tab: Browser, report: Path) -> None:
    light = seen(opened(tab, report))
    assert light.most_common(1)[0][0] == PAPER_LIGHT and light[MEASURED_LIGHT] > 1000
    dark = seen(opened(tab, report, scheme="dark"))
    assert dark.most_common(1)[0][0] == PAPER_DARK and dark[MEASURED_DARK] > 1000


def test_a_report_fits_a_phone_and_paper(tab: Browser, report: Path) -> None:
    opened(tab, report, 360, 800)
    assert tab.value("document.documentElement.scrollWidth") <= 360
    smallest = "Math.min(...[...document.querySelectorAll('figure svg')].map(one => one.getBoundingClientRect().width))"
    assert tab.value(smallest) > 300
    assert tab.paper().startswith(b"%PDF-") and b"/Page" in tab.paper()


def test_what_if_is_to_be_seen(tab: Browser, firkin: Firkin, tmp_path: Path) -> None:
    page = tmp_path / "tree.html"
    firkin("bench", "predict", EXAMPLE, "--html", page, "--set", "web/cpu.weight=1000")
    opened(tab, page)
    assert tab.requests == [page.as_uri()] and tab.complaints == []
    captions = tab.value("[...document.querySelectorAll('figcaption')].map(one => one.innerText)")
    assert captions[:2] == ["Processors before", "Processors after"]
    wide = "[...document.querySelectorAll('figure')].slice(0, 2).map(one => [...one.querySelectorAll('rect.cell')]"
    before, after = tab.value(f"{wide}[0].getBoundingClientRect().width)")
    assert after > before * 1.2
    assert seen(tab)[MEASURED_LIGHT] > 1000
