"""A headless Chromium, driven through its DevTools protocol over a pair of pipes: nothing is guessed from time."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["Browser", "browser"]

_READS, _WRITES = 3, 4
"""The descriptors by which it is driven, as Chromium has them."""

_MOST = 600
"""Seconds that one may take in all."""

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--disable-sync",
    "--remote-debugging-pipe",
)  # fmt: skip


class Browser:
    """One tab. `requests` are the addresses that it asked for, `complaints` what its console and log said."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = os.fdopen(commands, "wb", buffering=0)
        self._answers = os.fdopen(answers, "rb")
        self._number = 0
        self._session = ""
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._loaded = 0
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Network", "Page", "Log", "Runtime", "Security"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol. Raises RuntimeError if it fails."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, path: Path) -> None:
        """Load a file, and wait until it is."""
        before = self._loaded
        self.call("Page.navigate", url=path.as_uri())
        while self._loaded == before:
            self._message()

    def value(self, expression: str) -> Any:
        """The value of an expression of JavaScript in the page. Raises RuntimeError if it throws."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return answer["result"].get("value")

    def size(self, width: int, height: int) -> None:
        """Have a window of so many pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def scheme(self, name: str) -> None:
        """Prefer `light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def picture(self) -> bytes:
        """A PNG of what is in the window."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def paper(self) -> bytes:
        """The page as it is printed, in PDF."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def _message(self) -> dict[str, Any]:
        text = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("chromium has ended")
            text += byte
        message: dict[str, Any] = json.loads(text)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, event: str, about: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif event == "Log.entryAdded":
            self.complaints.append(about["entry"]["text"])
        elif event == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(about["args"]))
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(about["exceptionDetails"]["text"])
        elif event == "Page.loadEventFired":
            self._loaded += 1

    def close(self) -> None:
        """Let it end, and with it all that it has started."""
        self._session = ""
        # It ends, or has ended, with or without an answer.
        with suppress(RuntimeError, BrokenPipeError):
            self.call("Browser.close")
            while True:
                self._message()
        self._commands.close()
        self._answers.close()


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with its state in the empty directory `profile`; it has ended at the end."""
    theirs, ours = _pipes()

    def arrange() -> None:
        os.dup2(theirs[0], _READS)
        os.dup2(theirs[1], _WRITES)

    command = ["chromium", *_FLAGS, f"--user-data-dir={profile}"]
    null = subprocess.DEVNULL
    process = subprocess.Popen(
        command, stdin=null, stdout=null, stderr=null, pass_fds=(_READS, _WRITES), preexec_fn=arrange
    )
    for fd in theirs:
        os.close(fd)
    # Whoever waits for an answer gets an end instead.
    watch = threading.Timer(_MOST, process.kill)
    watch.start()
    try:
        tab = Browser(*ours)
        try:
            yield tab
        finally:
            tab.close()
    except BaseException:
        process.kill()
        raise
    finally:
        process.wait()
        watch.cancel()


def _pipes() -> tuple[tuple[int, int], tuple[int, int]]:
    # What it reads and writes, and the other ends of both; none has a number that it is to have there.
    ends = [*os.pipe(), *os.pipe()]
    reading, commands, answers, writing = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _WRITES + 1) for fd in ends)
    for fd in ends:
        os.close(fd)
    return (reading, writing), (commands, answers)
