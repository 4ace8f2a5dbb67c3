"""What is added to the bytes of a connection that is relayed, and when."""

from __future__ import annotations

import pytest

from firkin.cri.relay import Farewell


def frame(kind: int, payload: bytes = b"", flags: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags, 0, 0, 0, 0)) + payload


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, EMPTY, ACKNOWLEDGED = frame(4, b"\x00\x05\x00\x00\x40\x00"), frame(4), frame(4, flags=1)
PING = frame(6, bytes(8))
OPEN, OPEN_IN_PARTS, PART, LAST_PART = frame(1, b"x" * 20, 4), frame(1, b"x"), frame(9, b"y"), frame(9, b"z", 4)
GOAWAY = frame(7, b"\x7f\xff\xff\xff" + bytes(4))
SIZES = [1, 2, 8, 9, 10, 11, 1000]


def heard(farewell: Farewell, client: bytes, server: bytes, size: int) -> bytes:
    """What the client hears when it has said `client`, and then the server `server`, each in pieces of a size."""
    pieces = [farewell.from_client(client[at : at + size]) for at in range(0, len(client), size)]
    pieces += [farewell.from_server(server[at : at + size]) for at in range(0, len(server), size)]
    return b"".join(pieces)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("settings", [SETTINGS, EMPTY])
def test_who_has_opened_a_stream_already_is_asked_after_the_first_settings(settings: bytes, size: int) -> None:
    said = settings + PING + SETTINGS
    assert heard(Farewell(), PREFACE + EMPTY + OPEN + OPEN, said, size) == settings + GOAWAY + PING + SETTINGS


@pytest.mark.parametrize("size", SIZES)
def test_who_opens_one_later_is_asked_at_once(size: int) -> None:
    farewell = Farewell()
    assert heard(farewell, PREFACE + SETTINGS + ACKNOWLEDGED, SETTINGS + PING, size) == SETTINGS + PING
    assert heard(farewell, OPEN, b"", size) == GOAWAY
    assert heard(farewell, OPEN, PING, size) == PING


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_or_a_field_section_is_not_parted(size: int) -> None:
    farewell = Farewell()
    begun = SETTINGS + OPEN_IN_PARTS + PART + LAST_PART[:5]
    assert heard(farewell, PREFACE + SETTINGS, begun, size) == begun
    assert heard(farewell, OPEN, b"", size) == b""
    assert heard(farewell, b"", LAST_PART[5:] + PING, size) == LAST_PART[5:] + GOAWAY + PING


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", PING + SETTINGS, SETTINGS[:12], SETTINGS[:5]])
def test_what_is_no_connection_of_http2_is_left_as_it_is(said: bytes, size: int) -> None:
    assert heard(Farewell(), PREFACE + EMPTY + OPEN, said, size) == said


@pytest.mark.parametrize("size", [1, 1000])
def test_a_client_that_talks_garbage_is_told_nothing(size: int) -> None:
    assert heard(Farewell(), b"\xff" * 100, SETTINGS + PING, size) == SETTINGS + PING
