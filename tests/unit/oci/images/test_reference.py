"""Names of images, digests, and which image of an index is meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.errors import ImageError
from firkin.oci.image.digest import Verifier, check_digest, digest_of
from firkin.oci.image.manifest import Descriptor, Platform
from firkin.oci.image.platform import choose, parse_platform
from firkin.oci.image.reference import parse_reference, parse_repository

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("debian", "docker.io/library/debian:latest"),
        ("debian:12", "docker.io/library/debian:12"),
        ("team/app", "docker.io/team/app:latest"),
        ("index.docker.io/debian", "docker.io/library/debian:latest"),
        ("docker://quay.io/a/b/c:v1", "quay.io/a/b/c:v1"),
        ("localhost/x", "localhost/x:latest"),
        ("localhost:5000/x:1", "localhost:5000/x:1"),
        ("127.0.0.1:5000/x", "127.0.0.1:5000/x:latest"),
        ("[::1]:5000/x", "[::1]:5000/x:latest"),
        (f"debian@sha256:{HEX}", f"docker.io/library/debian@sha256:{HEX}"),
        (f"a.b/c:t@sha256:{HEX}", f"a.b/c:t@sha256:{HEX}"),
        ("a.b/x__y/z-w.v", "a.b/x__y/z-w.v:latest"),
    ],
)
def test_names(text: str, whole: str) -> None:
    reference = parse_reference(text)
    assert str(reference) == whole
    assert parse_reference(str(reference)) == reference


@pytest.mark.parametrize(("text", "path"), [("debian", "library/debian"), ("docker://r.example:5000/a/b", "a/b")])
def test_repositories(text: str, path: str) -> None:
    found = parse_repository(text)
    assert (found.path, found.tag, found.digest) == (path, "", "")


@pytest.mark.parametrize("text", ["debian:12", "debian:latest", "r.example:5000/a:1", f"debian@sha256:{HEX}", "a//b"])
def test_the_name_of_an_image_is_no_repository(text: str) -> None:
    with pytest.raises(ImageError, match=r"is the name of an image|is not a path"):
        parse_repository(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Debian",
        "debian:",
        "debian:-x",
        "debian:" + "x" * 129,
        "debian@",
        "debian@sha256:12",
        f"debian@md5:{HEX}",
        f"debian@sha256:{HEX.upper()}",
        "a//b",
        "../x",
        "a/../b",
        "a.b/",
        "/a",
        "a b",
        "a\nb",
        "a.b:99999999/x",
        "-a.b/x",
        "a.b/" + "x" * 256,
        "a%2f",
        "http://a.b/x",
    ],
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(ImageError) as caught:
        parse_reference(text)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_an_error(text: str) -> None:
    try:
        reference = parse_reference(text)
    except ImageError:
        return
    assert ".." not in reference.path.split("/") and "/" not in reference.host


def test_digests() -> None:
    assert digest_of(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert check_digest(f"sha512:{HEX * 2}")
    for wrong in ("", "sha256", "sha256:", f"sha256:{HEX}/", f"sha256:../{HEX[3:]}", f"sha1:{HEX[:40]}"):
        with pytest.raises(ImageError):
            check_digest(wrong)


@pytest.mark.parametrize(
    ("data", "size", "message"),
    [(b"abd", 3, "its bytes have the digest"), (b"ab", 3, "has 2 bytes"), (b"abcd", 3, "is longer than the 3 bytes")],
)
def test_bytes_are_verified(data: bytes, size: int, message: str) -> None:
    verifier = Verifier(digest_of(b"abc"), size)
    with pytest.raises(ImageError, match=message):
        for byte in data:
            verifier.update(bytes([byte]))
        verifier.finish()
    good = Verifier(digest_of(b"abc"), 3)
    good.update(b"abc")
    good.finish()


def entry(os: str, architecture: str, variant: str = "") -> Descriptor:
    platform = Platform(os=os, architecture=architecture, variant=variant)
    return Descriptor(media_type="m", digest=f"{os}/{architecture}/{variant}", size=1, platform=platform)


MANY = [entry("unknown", "unknown"), entry("linux", "arm", "v6"), entry("linux", "arm", "v7"), entry("linux", "amd64"),
        entry("linux", "arm64", "v8"), entry("windows", "amd64")]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("linux/amd64", "linux/amd64/"),
        ("linux/arm64", "linux/arm64/v8"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/v7", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("windows/amd64", "windows/amd64/"),
    ],
)
def test_the_best_platform_is_chosen(wanted: str, found: str) -> None:
    assert choose(MANY, parse_platform(wanted), "x").digest == found


@pytest.mark.parametrize("wanted", ["linux/riscv64", "linux/arm/v5", "freebsd/amd64"])
def test_a_platform_that_is_not_there(wanted: str) -> None:
    with pytest.raises(ImageError, match=r"there are linux/amd64, linux/arm/v6, linux/arm/v7, linux/arm64/v8"):
        choose(MANY, parse_platform(wanted), "x")


@pytest.mark.parametrize("text", ["", "linux", "linux/", "a/b/c/d", "linux/am d64"])
def test_what_is_no_platform(text: str) -> None:
    with pytest.raises(ImageError, match="OS/ARCHITECTURE"):
        parse_platform(text)
