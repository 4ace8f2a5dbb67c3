"""Lists of messages that are serialized already."""

from __future__ import annotations

from typing import Any

from firkin.cri.api.container_pb2 import Container, ListContainersResponse
from firkin.cri.kept import joined, serialize


class Record:
    """A record with facts that are replaced as a whole."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.facts: tuple[int, ...] = (0,)
        self.kept: tuple[Any, bytes] | None = None
        self.asked = 0

    def list(self) -> ListContainersResponse:
        self.asked += 1
        state = self.facts[0]
        return ListContainersResponse(containers=[Container(id=self.id, state=state, labels={"a": "b"})])  # type: ignore[arg-type]


def test_a_list_is_the_lists_of_its_parts() -> None:
    records = [Record(str(number)) for number in range(300)]
    whole = ListContainersResponse.FromString(serialize(joined(records, Record.list)))
    assert [one.id for one in whole.containers] == [record.id for record in records]
    assert whole.containers[7].labels == {"a": "b"}
    assert ListContainersResponse.FromString(joined([], Record.list)) == ListContainersResponse()


def test_what_has_not_changed_is_not_made_again() -> None:
    records = [Record("a"), Record("b")]
    first = joined(records, Record.list)
    records[1].facts = (1,)
    second = joined(records, Record.list)
    assert [record.asked for record in records] == [1, 2]
    assert first != second
    assert [one.state for one in ListContainersResponse.FromString(second).containers] == [0, 1]


def test_a_message_is_serialized() -> None:
    message = ListContainersResponse(containers=[Container(id="x")])
    assert serialize(message) == message.SerializeToString()
