"""Steps that are done in order, and undone in the other order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from firkin.cri import faults

__all__ = ["Step", "run_steps", "undo_steps"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. `undo` may be called if `do` was not, was done in part, or was undone already.

    `point` is its name among the points at which the server may be killed, if it has another one there.
    """

    name: str
    do: Callable[[], None]
    undo: Callable[[], None]
    point: str = ""


def run_steps(steps: Sequence[Step]) -> None:
    """Do all steps. If one fails, it and those before it are undone, and its error is raised.

    An undo that fails ends the undoing: what the first steps recorded stays, for a later try. Its error is a note of
    the one that is raised.
    """
    for at, step in enumerate(steps):
        try:
            step.do()
            faults.reach(f"network-{step.point or step.name.replace(' ', '-')}")
        except Exception as error:
            try:
                undo_steps(steps[: at + 1])
            except Exception as failure:
                error.add_note(f"and it is not undone: {failure}")
            raise


def undo_steps(steps: Sequence[Step]) -> None:
    """Undo all steps, the last first. The first error is raised, and what comes before is left."""
    for step in reversed(steps):
        step.undo()
