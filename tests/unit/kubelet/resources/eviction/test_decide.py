"""When a node acts, on what first, and how long it says that it is under pressure."""

from __future__ import annotations

from firkin.kubelet.resources.eviction.decide import Decision, State, step
from firkin.kubelet.resources.eviction.signals import Observation
from firkin.kubelet.resources.eviction.thresholds import Amount, Threshold

HARD = Threshold("memory.available", Amount(100), 0.0, Amount(50))
SOFT = Threshold("memory.available", Amount(200), 30.0)
DISK = Threshold("nodefs.available", Amount(10))
PIDS = Threshold("pid.available", Amount(10))
ALL = (DISK, PIDS, SOFT, HARD)
TRANSITION = 300.0


class Node:
    """A node through time."""

    def __init__(self) -> None:
        self.state = State()

    def see(self, now: float, memory: int = 1000, disk: int = 1000, pids: int = 1000) -> Decision:
        """What is decided about so much that is left."""
        seen = {
            "memory.available": Observation(memory, 1000),
            "nodefs.available": Observation(disk, 1000),
            "pid.available": Observation(pids, 1000),
        }
        self.state, decision = step(self.state, ALL, seen, now, TRANSITION)
        return decision


def test_while_there_is_enough_nothing_is_done() -> None:
    assert Node().see(0) == Decision(frozenset(), ())


def test_a_hard_threshold_is_acted_on_at_once() -> None:
    decision = Node().see(0, disk=9)
    assert decision == Decision(frozenset({"DiskPressure"}), (DISK,))


def test_a_soft_threshold_is_a_condition_at_once_and_acted_on_after_its_grace() -> None:
    node = Node()
    assert node.see(100, memory=150) == Decision(frozenset({"MemoryPressure"}), ())
    assert not node.see(129.9, memory=150).thresholds
    assert node.see(130, memory=150).thresholds == (SOFT,)


def test_the_grace_begins_anew_when_a_soft_threshold_was_not_met_in_between() -> None:
    node = Node()
    node.see(0, memory=150)
    node.see(20, memory=500)
    assert not node.see(40, memory=150).thresholds
    assert node.see(70, memory=150).thresholds == (SOFT,)


def test_memory_goes_first_and_others_keep_their_order() -> None:
    decision = Node().see(0, memory=50, disk=5, pids=5)
    assert decision.thresholds == (HARD, DISK, PIDS)
    assert decision.conditions == {"MemoryPressure", "DiskPressure", "PIDPressure"}


def test_a_threshold_that_was_acted_on_is_over_when_enough_is_reclaimed() -> None:
    node = Node()
    assert node.see(0, memory=99).first == HARD
    assert node.see(10, memory=120).first == HARD
    assert node.see(20, memory=149).first == HARD
    assert node.see(25, memory=150).first is None
    # Between the threshold and what had to be reclaimed nothing begins anew; the soft one is met all the time.
    assert HARD not in node.see(28, memory=120).thresholds
    assert node.see(30, memory=120).thresholds == (SOFT,)


def test_a_condition_lasts_for_the_time_of_transition() -> None:
    node = Node()
    node.see(0, disk=5)
    assert node.see(1).conditions == {"DiskPressure"}
    assert node.see(299.9).conditions == {"DiskPressure"}
    assert not node.see(300).conditions
    node.see(400, disk=5)
    node.see(600, disk=5)
    assert node.see(899).conditions == {"DiskPressure"}
    assert not node.see(900).conditions


def test_without_a_time_of_transition_a_condition_is_what_is_seen() -> None:
    seen = {"nodefs.available": Observation(5, 1000)}
    state, decision = step(State(), ALL, seen, 0, 0.0)
    assert decision.conditions == {"DiskPressure"}
    assert not step(state, ALL, {"nodefs.available": Observation(500, 1000)}, 1, 0.0)[1].conditions


def test_what_can_not_be_observed_is_not_acted_on() -> None:
    assert step(State(), ALL, {}, 0, TRANSITION)[1] == Decision(frozenset(), ())
