"""How far a transfer is, in one line of a terminal that is written over; nothing where there is none."""

from __future__ import annotations

import sys
import time

__all__ = ["Meter", "size_text"]

_INTERVAL = 0.1  # seconds between two writes


class Meter:
    """A line on standard error. As a context manager it takes the line away at the end."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr is not None and sys.stderr.isatty()
        self._blobs: dict[str, tuple[int, int]] = {}
        self._start = self._last = time.monotonic()
        self._begun = 0

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def blob(self, digest: str, done: int, total: int) -> None:
        """So many bytes of a blob are there."""
        if digest not in self._blobs:
            # What an earlier try left was not transferred now.
            self._begun += done
        self._blobs[digest] = done, total
        now = time.monotonic()
        if self._is_shown and now - self._last >= _INTERVAL:
            self._last = now
            self._show(now)

    def _show(self, now: float) -> None:
        done = sum(pair[0] for pair in self._blobs.values())
        total = sum(pair[1] for pair in self._blobs.values())
        rate = max(0, done - self._begun) / max(now - self._start, 0.001)
        count = sum(1 for pair in self._blobs.values() if pair[0] == pair[1])
        self.text(f"{size_text(done)} of {size_text(total)}, {size_text(rate)}/s, {count} of {len(self._blobs)} blobs")

    def laid_down(self, done: int) -> None:
        """So many bytes of an archive are copied, of which nobody knows how long it is."""
        now = time.monotonic()
        if self._is_shown and now - self._last >= _INTERVAL:
            self._last = now
            self.text(f"copied {size_text(done)}")

    def layers(self, done: int, total: int) -> None:
        """So many layers are unpacked."""
        self.text(f"unpacked {done} of {total} layers")

    def text(self, text: str) -> None:
        """Any other state."""
        if self._is_shown:
            sys.stderr.write(f"\r{text}\x1b[K")
            sys.stderr.flush()


def size_text(size: float) -> str:
    """A size for people: `1.5 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
