"""Which events are one, and which are too many."""

from __future__ import annotations

from firkin.kubelet.events.correlate import COMBINED, Correlator, Key, Occurrence, key_of

FAILED = Occurrence("Pod", "default", "web", "u", "spec.containers{web}", "Warning", "Failed", "no 0")


def test_the_same_again_has_the_same_key() -> None:
    correlator = Correlator()
    assert correlator.admit(FAILED, 0) == correlator.admit(FAILED, 1) == (Key(*FAILED), "no 0")


def test_the_tenth_way_to_say_it_is_combined_and_keeps_to_one_key() -> None:
    correlator = Correlator()
    said = [correlator.admit(FAILED._replace(message=f"no {n}"), n) for n in range(12)]
    assert [found[0].message for found in said if found] == [f"no {n}" for n in range(9)] + [""] * 3
    combined = {found[0] for found in said[9:] if found}
    assert len(combined) == 1
    assert said[11] is not None and said[11][1] == COMBINED + "no 11"
    assert key_of(FAILED._replace(message=COMBINED + "no 5")) in combined


def test_what_is_similar_counts_within_ten_minutes() -> None:
    correlator = Correlator()
    for n in range(9):
        correlator.admit(FAILED._replace(message=f"no {n}"), 0)
    assert correlator.admit(FAILED._replace(message="no 9"), 601) == (Key(*FAILED._replace(message="no 9")), "no 9")


def test_an_object_has_25_events_at_once_and_one_more_each_five_minutes() -> None:
    correlator = Correlator()
    assert sum(correlator.admit(FAILED, 0) is not None for _ in range(40)) == 25
    assert correlator.admit(FAILED._replace(reason="Other"), 299) is None
    assert correlator.admit(FAILED._replace(name="other"), 299) is not None
    assert correlator.admit(FAILED, 301) is not None
    assert correlator.admit(FAILED, 302) is None
