"""How a remote command ended, as the peer is told on the error stream.

From version 4 of the protocol on it is a `Status` of the Kubernetes API as JSON; before, text where it failed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

__all__ = ["Status"]


@dataclass(frozen=True)
class Status:
    """The outcome: `exit_code` of the command, or None where firkin failed, for the reason in `message`."""

    message: str = ""
    exit_code: int | None = 0

    @classmethod
    def exited(cls, code: int) -> Status:
        """The command ended with `code`, 0 to 255; 128 and its number stand for a signal."""
        return cls(f"command terminated with exit code {code}" if code else "", code)

    @classmethod
    def failed(cls, message: str) -> Status:
        """The command did not run to its end, because of `message`."""
        return cls(message, None)

    def text(self) -> bytes:
        """What versions 1 to 3 say."""
        return b"" if self.exit_code == 0 else self.message.encode()

    def document(self) -> bytes:
        """What version 4 and later say."""
        status: dict[str, object] = {"metadata": {}, "status": "Success" if self.exit_code == 0 else "Failure"}
        if self.exit_code is None:
            status |= {"message": self.message, "reason": "InternalError", "code": 500}
        elif self.exit_code:
            causes = [{"reason": "ExitCode", "message": str(self.exit_code)}]
            status |= {"message": self.message, "reason": "NonZeroExitCode", "details": {"causes": causes}}
        return json.dumps(status, separators=(",", ":")).encode()
