"""Pages: everything is escaped, axes have round values, names are apart, bars are as long as they say."""

from __future__ import annotations

import itertools
import math
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.errors import KernelError
from firkin.workbench.page.bars import Pair, pairs
from firkin.workbench.page.curves import Curve, cumulative, over_time, spread
from firkin.workbench.page.document import page, table, write_page
from firkin.workbench.page.icicle import Cell, icicle
from firkin.workbench.page.markup import element
from firkin.workbench.page.scale import Linear, Log, alike, figure, quantity
from tests.support.pages import Page

SIZES = st.floats(1e-6, 1e12)


@given(st.text(), st.text())
def test_whatever_words_say_they_are_no_elements(words: str, name: str) -> None:
    found = Page(element("p", words, element("svg", element("title", name), aria_label=name)))
    assert found.tags == ["p", "svg", "title"]
    for character in '<>&"':
        assert found.text.count(character) == (words + name).count(character)


def test_what_turns_or_controls_or_can_not_be_encoded_is_shown_as_that() -> None:
    assert element("b", "a\u202eb\x1bc\ud800d\x00") == "<b>a\ufffdb\ufffdc\ufffdd\ufffd</b>"


def test_attributes_are_escaped_and_left_out() -> None:
    made = element("a", href='"><script>', class_=None, hidden=False, open=True, aria_label="x", x=1.504)
    assert made == '<a href="&quot;&gt;&lt;script&gt;" open aria-label="x" x="1.5"></a>'


@given(SIZES, SIZES)
def test_round_values_of_an_axis(first: float, span: float) -> None:
    scale = Linear(first, first + span, 0, 100)
    ticks = scale.ticks()
    assert len(ticks) <= 11 and ticks == sorted(ticks)
    places = [scale(tick) for tick in ticks]
    assert all(0 <= place <= 100 for place in places)


@given(SIZES, st.floats(1.5, 1e9))
def test_round_values_of_an_axis_by_factors(least: float, factor: float) -> None:
    scale = Log(least, least * factor, 0, 100)
    assert len(scale.ticks()) <= 10
    assert scale(least) == 0 and math.isclose(scale(least * factor), 100, abs_tol=1e-6)
    assert scale(least * math.sqrt(factor)) == pytest.approx(50, abs=0.01)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_names_are_apart_and_in_order(places: list[float]) -> None:
    found = spread(places, 12, 0, 100)
    ordered = sorted(range(len(places)), key=lambda number: places[number])
    moved = [found[number] for number in ordered]
    assert all(second - first >= 12 - 1e-9 for first, second in itertools.pairwise(moved))


def test_numbers_are_short() -> None:
    assert [figure(value) for value in (0, 0.125, 37.5, 12000, 3.2e9, 1e-5)] == [
        "0",
        "0.125",
        "37.5",
        "12k",
        "3.2G",
        "1e-05",
    ]
    assert quantity(3 << 29, "bytes") == "1.5 GiB" and quantity(512, "bytes/s") == "512 B/s"
    assert alike((0.5, 0.022)) == ["0.500", "0.022"] and alike((1, 0)) == ["1", "0"]


def test_bars_are_as_long_as_their_values() -> None:
    drawn = pairs("t", [Pair("a", 0.5, 0.25, 0.1, 0.05, "bad"), Pair("b", 0.5, 1.0, None, 0.05, "good")], "share")
    widths = [float(width) for width in re.findall(r'width="([\d.]+)" y="[\d.]+" height="10" class="measured"', drawn)]
    assert widths[1] == pytest.approx(4 * widths[0], rel=0.01)
    assert "0.250 ± 0.100" in Page(drawn).text and drawn.count('class="whisker"') == 1


def test_values_without_a_common_unit_that_are_far_apart_have_a_scale_each() -> None:
    drawn = pairs("t", [Pair("bytes", 3e6, 3e6, None, 0, "good"), Pair("count", 12, 12, None, 0, "good")], "")
    widths = re.findall(r'width="([\d.]+)" y="[\d.]+" height="10" class="measured"', drawn)
    assert widths[0] == widths[1] and "axis" not in drawn


def test_curves_tell_what_they_show() -> None:
    drawn = over_time("used", [Curve("a", [(0, 1), (1, 2)], [(0, 1), (1, 1)]), Curve("b", [(0, 1), (1, 1.9)])], "cpus")
    assert "a: 1 to 2 cpus; b: 1 to 1.9 cpus" in Page(drawn).text
    assert drawn.count('class="line c') == 2 and drawn.count('class="guide c') == 1


def test_a_distribution_ends_at_all() -> None:
    drawn = cumulative("wait", [Curve("x", [(0, 0), (0.01, 0.5), (0.1, 1)])], "s")
    (path,) = re.findall(r'd="(M[^"]+)" class="line', drawn)
    # The top of the drawing is where all is.
    assert path.endswith("V10.0")


def test_a_part_too_small_to_be_seen_is_drawn_with_its_neighbours() -> None:
    small = [Cell(f"s{number}", 0.001, "little", held=number == 3) for number in range(50)]
    drawn = icicle("t", Cell("all", 4, "4 of 4", children=[Cell("large", 3.9, "much"), *small]), "d")
    assert "50 more: 50 more, 1 of them held back" in Page(drawn).text
    assert drawn.count("<rect") == 3


def test_a_page_needs_nothing_but_itself() -> None:
    found = Page(page("t", table(("name", "value"), [("<script>", "1")])))
    assert "script" not in found.tags and found.outside == []
    assert "<script>" in found.text


def test_a_page_is_written_whole_or_not(tmp_path: Path) -> None:
    write_page(str(tmp_path / "p.html"), page("t"))
    assert os.listdir(tmp_path) == ["p.html"] and (tmp_path / "p.html").stat().st_mode & 0o777 == 0o644
    with pytest.raises(KernelError, match=r"write .*/none/p.html: No such file or directory \[ENOENT\]"):
        write_page(str(tmp_path / "none/p.html"), page("t"))
    (tmp_path / "d").mkdir()
    with pytest.raises(KernelError, match="Is a directory"):
        write_page(str(tmp_path / "d"), page("t"))
    assert sorted(os.listdir(tmp_path)) == ["d", "p.html"]
