"""PNG as Chromium writes it: eight bits a channel, not interlaced."""

from __future__ import annotations

import struct
import zlib
from collections import Counter

__all__ = ["colours"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def colours(png: bytes) -> Counter[bytes]:
    """How many pixels have each colour (red, green, blue)."""
    assert png.startswith(_SIGNATURE)
    place, data, width, channels = len(_SIGNATURE), b"", 0, 0
    while place < len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        content = png[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            width, _, depth, colour_type, _, _, interlaced = struct.unpack(">IIBBBBB", content)
            assert depth == 8 and colour_type in (2, 6) and not interlaced
            channels = 3 if colour_type == 2 else 4
        elif kind == b"IDAT":
            data += content
        place += length + 12
    found: Counter[bytes] = Counter()
    for line in _lines(zlib.decompress(data), width * channels, channels):
        found.update(bytes(line[at : at + 3]) for at in range(0, len(line), channels))
    return found


def _lines(data: bytes, size: int, channels: int) -> list[bytearray]:
    lines = [bytearray(size)]
    for start in range(0, len(data), size + 1):
        kind, line, above = data[start], bytearray(data[start + 1 : start + 1 + size]), lines[-1]
        for at in range(size if kind else 0):
            left = line[at - channels] if at >= channels else 0
            corner = above[at - channels] if at >= channels else 0
            line[at] = (line[at] + _predicted(kind, left, above[at], corner)) & 255
        lines.append(line)
    return lines[1:]


def _predicted(kind: int, left: int, above: int, corner: int) -> int:
    if kind == 1:
        return left
    if kind == 2:
        return above
    if kind == 3:
        return (left + above) // 2
    # Paeth: the one of the three that is nearest to left + above - corner.
    base = left + above - corner
    return min((left, above, corner), key=lambda value: abs(base - value))
