"""The certificate that the server makes itself, by the program openssl, where none is given."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
from collections.abc import Iterable

from firkin.errors import KernelError, StateError

__all__ = ["own_certificate"]

_DAYS = 365
# One that has less than a month left is made anew.
_RENEW_SECONDS = 30 * 86400


async def own_certificate(directory: str, name: str, addresses: Iterable[str]) -> str:
    """The path of a file with a certificate for `name` and `addresses` and its key, made if there is none that lasts.

    Raises KernelError, StateError.
    """
    path = f"{directory}/kubelet.pem"
    if os.path.exists(path) and await _openssl("x509", "-checkend", str(_RENEW_SECONDS), "-noout", "-in", path) is None:
        return path
    half_made = f"{path}.new"
    try:
        os.makedirs(directory, 0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(half_made)
        # Nobody else can read it at any time: openssl writes into a file that is there.
        os.close(os.open(half_made, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        failed = await _openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(_DAYS),
            "-subj", f"/CN={name}", "-addext", f"subjectAltName={_names(name, addresses)}",
            "-addext", "extendedKeyUsage=serverAuth", "-keyout", half_made, "-out", f"{half_made}.crt",
        )  # fmt: skip
        if failed is not None:
            raise StateError(f"make a certificate for {name}: openssl: {failed}")
        _append(half_made, f"{half_made}.crt")
        os.rename(half_made, path)
    except OSError as error:
        raise KernelError(f"make the certificate {path}", error.errno or 0) from error
    return path


def _names(name: str, addresses: Iterable[str]) -> str:
    names = [f"DNS:{name}", "DNS:localhost", "IP:127.0.0.1"]
    return ",".join([*names, *(f"IP:{ipaddress.ip_address(address)}" for address in addresses)])


def _append(path: str, other: str) -> None:
    with open(path, "ab") as file, open(other, "rb") as source:
        file.write(source.read())
        file.flush()
        os.fsync(file.fileno())
    os.unlink(other)


async def _openssl(*arguments: str) -> str | None:
    # What went wrong, or None.
    try:
        process = await asyncio.create_subprocess_exec(
            "openssl",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError:
        hint = "install openssl, or set kubelet.server.certificate and key"
        raise StateError("make a certificate: there is no program openssl", hint=hint) from None
    _, errors = await process.communicate()
    if process.returncode == 0:
        return None
    return errors.decode(errors="replace").strip().rpartition("\n")[2] or f"exit status {process.returncode}"
