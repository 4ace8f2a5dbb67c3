"""A real registry: docker-registry on a port of 127.0.0.1 that the kernel chose, with its storage in a directory."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

__all__ = ["PASSWORD", "USER", "RealRegistry"]

USER, PASSWORD = "cooper", "oak-stave"
# bcrypt, the only form that the registry reads, at its lowest cost.
_HTPASSWD = "cooper:$2y$04$Rq1alU3Fnb31vaPflAlM..Uhvp0cclClVbsxjrgtjtl/L3XyGVA5y\n"


class RealRegistry:
    """A registry that runs while it is entered.

    Parameters: `place` is an empty directory; `password` lets in none but `USER` with `PASSWORD`; `tls` has the keys
    `certificate`, `key` and `clientcas` of the registry's configuration.
    """

    def __init__(self, place: Path, *, password: bool = False, tls: Mapping[str, object] | None = None) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self.place = place
        self.host = ""
        self._config = place / "config.json"
        document: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "info", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(place / "storage")}, "delete": {"enabled": True}},
            "http": {"addr": "127.0.0.1:0", **({"tls": tls} if tls else {})},
        }
        if password:
            (place / "htpasswd").write_text(_HTPASSWD)
            document["auth"] = {"htpasswd": {"realm": "cellar", "path": str(place / "htpasswd")}}
        # JSON is YAML too.
        self._config.write_text(json.dumps(document))

    def __enter__(self) -> Self:
        command = ["docker-registry", "serve", str(self._config)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if "listening on " in line:
                self.host = line.split("listening on ")[1].split('"')[0].removesuffix(", tls").strip()
                break
        else:
            self._process.wait()
            raise RuntimeError(f"docker-registry: status {self._process.returncode}: {''.join(said)}")
        # A full pipe would stop it.
        self._drain = threading.Thread(target=_drain, args=(self._process.stderr,))
        self._drain.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._drain.join()

    def fill(self, layout: Path, image: str) -> None:
        """Copy the only image of an OCI layout, with all that is in its index, to `image`, as `app:1`."""
        destination = f"docker://{self.host}/{image}"
        options = ["--insecure-policy", "copy", "--all", "--quiet", "--preserve-digests", "--dest-tls-verify=false"]
        subprocess.run(
            ["skopeo", *options, f"--dest-creds={USER}:{PASSWORD}", f"oci:{layout}", destination],
            check=True,
            capture_output=True,
        )


def _drain(stream: IO[str]) -> None:
    with stream:
        for _ in stream:
            pass
