"""The agent's API over a store of its own, asked as clients ask it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from firkin.kubelet.apiserver.api import Api
from firkin.kubelet.http.message import Answer, Request, Response
from firkin.kubelet.objects.store import Objects

__all__ = ["ApiCaller"]


class ApiCaller:
    """`call` makes one request and gives its status and its value."""

    def __init__(self, directory: Path) -> None:
        self.objects = Objects(str(directory / "objects.db"))
        self.api = Api(self.objects, "node")

    def request(self, method: str, path: str, body: object = None, kind: str = "json", accept: str = "") -> Response:
        """The answer to a request; `kind` is the end of its body's media type."""
        answer = asyncio.run(self.ask(method, path, body, kind, accept))
        assert isinstance(answer, Response)
        return answer

    async def ask(self, method: str, path: str, body: object = None, kind: str = "json", accept: str = "") -> Answer:
        """The same from within a loop."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        headers = {"content-type": f"application/{kind}", "accept": accept}
        return await self.api.handle(Request(method, path, headers, content))

    def call(
        self, method: str, path: str, body: object = None, kind: str = "json", accept: str = ""
    ) -> tuple[int, Any]:
        """Status and value of the answer to a request."""
        answer = self.request(method, path, body, kind, accept)
        assert isinstance(answer.body, bytes)
        return answer.status, json.loads(answer.body)

    def stream_of(self, answer: Answer) -> AsyncGenerator[bytes, None]:
        """The lines of a watch."""
        assert isinstance(answer, Response) and not isinstance(answer.body, bytes)
        return answer.body
