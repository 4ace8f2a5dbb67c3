"""Names of images: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`.

Source: distribution-spec spec.md, "Pulling manifests"; short names as Docker completes them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from firkin.errors import ImageNameError
from firkin.oci.image.digest import check_digest

__all__ = ["Reference", "parse_reference", "parse_repository"]

_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_MOST = 255


class Reference(NamedTuple):
    """The name of an image: where it is (`host`, `path`), and which one (`tag`, `digest`; "" for what is not told)."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.path}{tag}{digest}"

    @property
    def repository(self) -> str:
        """Host and path."""
        return f"{self.host}/{self.path}"

    @property
    def asked(self) -> str:
        """What to ask a registry for: the digest if there is one, else the tag."""
        return self.digest or self.tag


def parse_reference(text: str) -> Reference:
    """The image that `text` names; a leading `docker://` is allowed.

    A first part without dot, colon or `localhost` is not a host: it is completed to docker.io, and a path of one part
    to library/PATH. Without tag and digest the tag is latest.
    Raises ImageNameError saying which part is wrong.
    """
    name, at, digest = text.removeprefix("docker://").partition("@")
    if at:
        check_digest(digest, f"image {text!r}: digest")
    head, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    host, path = _split_host(f"{head}{slash}{last}")
    reason = ""
    if colon and not _TAG.fullmatch(tag):
        reason = f"{tag!r} is not a tag"
    elif not _HOST.fullmatch(host):
        reason = f"{host!r} is not a host"
    elif len(path) > _MOST:
        reason = f"the path is longer than {_MOST} characters"
    elif not _PATH.fullmatch(path):
        reason = f"{path!r} is not a path of lower-case letters, digits and single separators"
    if reason:
        raise ImageNameError(
            f"image {text!r}: {reason}", hint="such as debian:12 or registry.example/team/app@sha256:..."
        )
    return Reference(host, path, tag or ("" if digest else "latest"), digest)


def parse_repository(text: str) -> Reference:
    """The repository that `text` names, completed as the name of an image is, without tag and digest.

    Raises ImageNameError, also for the name of an image.
    """
    reference = parse_reference(text)
    if reference.digest or ":" in text.removeprefix("docker://").rpartition("/")[2]:
        raise ImageNameError(f"repository {text!r}: is the name of an image", hint=f"such as {reference.repository}")
    return reference._replace(tag="")


def _split_host(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, path = first, rest
    else:
        host, path = "docker.io", name
    if host in ("docker.io", "index.docker.io"):
        host, path = "docker.io", path if "/" in path else f"library/{path}"
    return host, path
