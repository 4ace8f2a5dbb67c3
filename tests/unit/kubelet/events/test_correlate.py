"""Which events are one."""

from __future__ import annotations

from firkin.kubelet.events.correlate import COMBINED, Correlator, Occurrence, key_of

FAILED = Occurrence("Pod", "default", "web", "u", "spec.containers{web}", "Warning", "Failed", "no 0")


def test_the_same_again_has_the_same_key() -> None:
    correlator = Correlator()
    assert correlator.find(FAILED, 0) == correlator.find(FAILED, 1) == (FAILED, "no 0")


def test_the_tenth_way_to_say_it_is_combined_and_keeps_to_one_key() -> None:
    correlator = Correlator()
    said = [correlator.find(FAILED._replace(message=f"no {n}"), n) for n in range(12)]
    assert [found[0].message for found in said] == [f"no {n}" for n in range(9)] + [""] * 3
    combined = {found[0] for found in said[9:]}
    assert len(combined) == 1
    assert said[11][1] == COMBINED + "no 11"
    assert key_of(FAILED._replace(message=COMBINED + "no 5")) in combined


def test_what_is_similar_counts_within_ten_minutes() -> None:
    correlator = Correlator()
    for n in range(9):
        correlator.find(FAILED._replace(message=f"no {n}"), 0)
    assert correlator.find(FAILED._replace(message="no 9"), 601) == (FAILED._replace(message="no 9"), "no 9")
