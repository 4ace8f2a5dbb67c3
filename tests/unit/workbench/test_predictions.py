"""What experiments predict, before anything is measured."""

from __future__ import annotations

import math

import pytest

from firkin.workbench.experiment import Host
from firkin.workbench.experiments import EXPERIMENTS

HOST = Host(processors=2, page=4096, seconds=1.0, repetitions=3)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_each_says_what_it_asks_what_it_predicts_and_where_that_is_from(name: str) -> None:
    experiment = EXPERIMENTS[name]
    assert experiment.name == name and experiment.question.endswith(("?", ")")) and experiment.source
    predicted = experiment.predict(HOST)
    assert predicted and all(math.isfinite(value) for value in predicted.values())
    for curve in experiment.expect(HOST).series.values():
        assert math.isfinite(curve(0.5))


def test_requests_of_equal_shares_by_what_they_cost() -> None:
    # 4 MiB/s are 1024 pages a second, and a sequential request costs what is left of 1/400 s beside its first page.
    cost = 16 / 1024 + (1 / 400 - 1 / 1024)
    found = EXPERIMENTS["io-cost"].predict(HOST)
    assert found == pytest.approx({"random 4 KiB": 50, "sequential 64 KiB": 0.5 / cost})


def test_limits_of_bytes_and_of_requests() -> None:
    found = EXPERIMENTS["io-max"].predict(HOST)
    # In MiB/s: 40 requests of 16 KiB; of both limits the one of 30; of the parent's and the own the parent's.
    assert (found["riops"], found["both"], found["above"]) == (0.625, 0.46875, 1)


def test_who_goes_beyond_high_is_on_average_where_the_integral_says() -> None:
    # x = (3 t / pages) ** (1 / 3) of 64 MiB; its mean over a second is 3/4 of its end, and it begins at 1.25 %.
    beyond = EXPERIMENTS["memory-high"].predict(HOST)["beyond high, on average"]
    end = (3 / 16384) ** (1 / 3) * 64
    assert beyond == pytest.approx(end * 3 / 4, rel=0.05)
