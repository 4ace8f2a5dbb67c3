"""Each call in the log and in the meters: with a number of its own, what it is about, how it ended and when.

What changes something is logged at the level info, what only looks at debug; what was refused always at info, and a
fault of the server as an error with its traceback.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import grpc
from google.protobuf.message import Message

from firkin import log
from firkin.cri.calls import Call
from firkin.cri.codes import code_of, message_of
from firkin.cri.telemetry.meters import Meters
from firkin.errors import FirkinError

__all__ = ["Observer"]

_SUBJECTS = {"pod_sandbox_id": "pod", "container_id": "container"}
_LOGGER = log.to("rpc")


class Observer:
    """Observes the calls of one server."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters
        self._numbers = count(1)

    @contextmanager
    def watch(self, call: Call, request: Message, *, is_read: bool) -> Iterator[None]:
        """Around the work of one call, in the task that is its own: all that the task logs bears the call's number."""
        log.bind(request=str(next(self._numbers)), call=call.name, **_subjects(request))
        self._meters.call_began(call)
        begun, code = time.monotonic(), grpc.StatusCode.OK
        try:
            yield
        except Exception as error:
            code = code_of(error)
            _log_refusal(error, code, time.monotonic() - begun)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            code = grpc.StatusCode.CANCELLED
            with _outcome(code, time.monotonic() - begun):
                _LOGGER.info("the client went away")
            raise
        else:
            with _outcome(code, time.monotonic() - begun):
                (_LOGGER.debug if is_read else _LOGGER.info)("done")
        finally:
            self._meters.call_ended(call, code, time.monotonic() - begun)


def _subjects(request: Message) -> dict[str, str]:
    return {name: found for field, name in _SUBJECTS.items() if (found := getattr(request, field, ""))}


@contextmanager
def _outcome(code: grpc.StatusCode, seconds: float) -> Iterator[None]:
    with log.bound(code=code.name, ms=f"{seconds * 1000:.1f}"):
        yield


def _log_refusal(error: Exception, code: grpc.StatusCode, seconds: float) -> None:
    with _outcome(code, seconds):
        if isinstance(error, FirkinError):
            _LOGGER.info("refused: %s", message_of(error))
        else:
            _LOGGER.error("failed: %s", message_of(error), exc_info=error)
