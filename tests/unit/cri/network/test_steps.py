"""Steps: a failure undoes what was done, and an undo that fails leaves what was recorded."""

from __future__ import annotations

import pytest

from firkin.cri.network.steps import Step, run_steps, undo_steps

NAMES = ("record", "link", "port")


def steps(seen: list[str], failing: str = "", stuck: str = "") -> list[Step]:
    def step(name: str) -> Step:
        def do() -> None:
            seen.append(f"do {name}")
            if name == failing:
                raise OSError(f"{name} fails")

        def undo() -> None:
            seen.append(f"undo {name}")
            if name == stuck:
                raise OSError(f"{name} is stuck")

        return Step(name, do, undo)

    return [step(name) for name in NAMES]


def test_all_steps_are_done_in_order() -> None:
    seen: list[str] = []
    run_steps(steps(seen))
    assert seen == ["do record", "do link", "do port"]


@pytest.mark.parametrize("at", range(len(NAMES)))
def test_a_step_that_fails_is_undone_with_those_before_it(at: int) -> None:
    seen: list[str] = []
    with pytest.raises(OSError, match=f"{NAMES[at]} fails"):
        run_steps(steps(seen, failing=NAMES[at]))
    done = NAMES[: at + 1]
    assert seen == [f"do {name}" for name in done] + [f"undo {name}" for name in reversed(done)]


def test_an_undo_that_fails_keeps_the_record_and_is_told() -> None:
    seen: list[str] = []
    with pytest.raises(OSError, match="port fails") as caught:
        run_steps(steps(seen, failing="port", stuck="link"))
    assert seen[-2:] == ["undo port", "undo link"]
    assert caught.value.__notes__ == ["and it is not undone: link is stuck"]


def test_undoing_begins_with_the_last() -> None:
    seen: list[str] = []
    undo_steps(steps(seen))
    assert seen == ["undo port", "undo link", "undo record"]
