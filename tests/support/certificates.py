"""A certificate authority for one test, by the program openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

__all__ = ["Authority", "Pair"]

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")


class Pair(NamedTuple):
    """Files of a certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates; its own is `certificate`."""

    def __init__(self, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self.place = place
        self.certificate = place / "ca.crt"
        self._key = place / "ca.key"
        extension = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        _openssl("req", "-x509", *_KEY, "-subj", "/CN=cellar", *extension, out=Pair(self.certificate, self._key))

    def sign(self, name: str) -> Pair:
        """A certificate for the server or client `name`, and for 127.0.0.1."""
        pair = Pair(self.place / f"{name}.crt", self.place / f"{name}.key")
        signer = ("-CA", str(self.certificate), "-CAkey", str(self._key))
        names = ("-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE")
        _openssl("req", "-x509", *_KEY, "-subj", f"/CN={name}", *signer, *names, out=pair)
        return pair


def _openssl(*arguments: str, out: Pair) -> None:
    command = ["openssl", *arguments, "-out", str(out.certificate), "-keyout", str(out.key)]
    subprocess.run(command, check=True, capture_output=True)
