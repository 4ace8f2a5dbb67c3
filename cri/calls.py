"""The calls of CRI, read from the descriptors of its services: one definition for server and client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from firkin.cri.api import image_pb2, runtime_pb2

__all__ = ["Call", "calls"]


class Call(NamedTuple):
    """One remote procedure: its service's full name, its own, its messages, and whether it answers with a stream."""

    service: str
    name: str
    request: type[Message]
    response: type[Message]
    is_stream: bool

    @property
    def path(self) -> str:
        """The path of the HTTP/2 request."""
        return f"/{self.service}/{self.name}"


def calls() -> Iterator[Call]:
    """All calls of RuntimeService and ImageService."""
    for file in (runtime_pb2, image_pb2):
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                request, response = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
                yield Call(service.full_name, method.name, request, response, method.server_streaming)
