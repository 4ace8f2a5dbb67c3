"""Which images are allowed, by which rule, and what a verifier has to say."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from firkin.errors import PolicyError
from firkin.oci.image.digest import digest_of
from firkin.oci.image.manifest import Descriptor
from firkin.oci.image.reference import parse_reference
from firkin.oci.policy.policy import Policy
from firkin.oci.policy.rules import load_rules, rule_for
from tests.support.children import children

INDEX = b'{"schemaVersion": 2, "manifests": []}'
MANIFEST = b'{"schemaVersion": 2}'
DOCUMENTS = [
    (Descriptor(media_type=kind, digest=digest_of(data), size=len(data)), data)
    for kind, data in (("index", INDEX), ("manifest", MANIFEST))
]
APP = parse_reference("r.example/team/app:1")

Check = Callable[[Policy], None]


def by_blocking(policy: Policy) -> None:
    policy.check(APP, DOCUMENTS)


def by_awaiting(policy: Policy) -> None:
    asyncio.run(policy.check_async(APP, DOCUMENTS))


both_ways = pytest.mark.parametrize("check", [by_blocking, by_awaiting])


def policy_of(place: Path, text: str) -> Policy:
    (place / "policy.toml").write_text(text)
    return Policy(str(place / "policy.toml"))


def verified_by(place: Path, script: str, more: str = "") -> Policy:
    """A policy whose verifier is a shell script."""
    program = place / "verify"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return policy_of(place, f'[image."r.example"]\nverifier = "{program}"\n{more}')


@both_ways
def test_without_a_file_everything_is_allowed(tmp_path: Path, check: Check) -> None:
    check(Policy(str(tmp_path / "none.toml")))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("r.example/team/app:1", 'image."r.example/team/app"'),
        ("r.example/team/app/part", 'image."r.example/team/app"'),
        ("r.example/team/apple", 'image."r.example/team"'),
        ("r.example/teams/app", 'image."r.example"'),
        ("r.example:5000/team/app", "default"),
        ("debian:12", 'image."docker.io/library"'),
        ("docker.io/team/app", "default"),
        ("127.0.0.1:5000/app", 'image."127.0.0.1:5000"'),
    ],
)
def test_the_longest_scope_is_the_one_that_counts(tmp_path: Path, name: str, place: str) -> None:
    scopes = ("r.example/team/app", "r.example/team", "r.example", "docker.io/library", "127.0.0.1:5000")
    text = "[default]\n" + "".join(f'[image."{scope}"]\n' for scope in scopes)
    found = rule_for(load_rules(policy_of(tmp_path, text).path), parse_reference(name))
    assert found and found.place == place


def test_what_no_rule_is_about_is_allowed_unless_the_default_says_otherwise(tmp_path: Path) -> None:
    policy_of(tmp_path, '[image."other.example"]\nallow = false').check_name(APP)
    with pytest.raises(PolicyError, match=r"image r.example/team/app:1: refused by .*/policy.toml: default.allow is"):
        policy_of(tmp_path, "[default]\nallow = false").check_name(APP)
    policy_of(tmp_path, '[default]\nallow = false\n[image."r.example/team"]\n').check_name(APP)


@both_ways
def test_a_digest_can_be_required(tmp_path: Path, check: Check) -> None:
    policy = policy_of(tmp_path, '[image."r.example"]\ndigest = true')
    with pytest.raises(PolicyError, match=r'image."r.example".digest wants it named by its digest .such as r.example/'):
        check(policy)
    policy.check_name(APP._replace(digest=digest_of(b"")))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("default =", "is not TOML"),
        ("default = 1", "default: is not a table"),
        ("[defaults]", "defaults: is neither default nor image"),
        ("image = 1", "image: is not a table"),
        ("[image]\na = 1", 'image."a": is neither HOST'),
        ('[image."r.example"]\nalow = false', 'image."r.example".alow: is none of allow, digest'),
        ("[default]\nallow = 0", "default.allow: is neither true nor false"),
        ('[default]\ndigest = "yes"', "default.digest: is neither true nor false"),
        ("[default]\nverifier = 1", "default.verifier: is neither a program"),
        ('[default]\nverifier = ["a", 1]', "default.verifier: is neither a program"),
        ('[default]\nverifier = "verify"', "default.verifier: 'verify' is not an absolute path"),
        ("[default]\ntimeout = 0", "default.timeout: is not a number of seconds"),
        ("[default]\ntimeout = true", "default.timeout: is not a number of seconds"),
        ("[default]\ntimeout = 1e9", "default.timeout: is not a number of seconds"),
        *(
            (f'[image."{scope}"]', f'image."{scope}": is neither HOST')
            for scope in ("debian", "team/app", "", "r.example/", "r.example/a:1", "docker://r.example", "R.example/A")
        ),
    ],
)
def test_a_file_that_is_wrong_refuses_all(tmp_path: Path, text: str, reason: str) -> None:
    policy = policy_of(tmp_path, text)
    with pytest.raises(PolicyError, match=f"refused by {policy.path}: {reason}"):
        policy.check_name(parse_reference("other.example/app"))


def test_a_file_that_can_not_be_read_refuses_all(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=f"refused by {tmp_path}: is a directory"):
        Policy(str(tmp_path)).check_name(APP)


@both_ways
def test_a_verifier_is_given_the_document_and_its_names(tmp_path: Path, check: Check) -> None:
    script = f"cat > {tmp_path}/document; env | grep ^FIRKIN_ | sort > {tmp_path}/environment; exec cat"
    check(verified_by(tmp_path, script))
    assert (tmp_path / "document").read_bytes() == INDEX
    assert (tmp_path / "environment").read_text().splitlines() == [
        f"FIRKIN_DIGEST=sha256:{hashlib.sha256(INDEX).hexdigest()}",
        f"FIRKIN_MANIFEST=sha256:{hashlib.sha256(MANIFEST).hexdigest()}",
        "FIRKIN_MEDIA_TYPE=index",
        "FIRKIN_REFERENCE=r.example/team/app:1",
    ]


@both_ways
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (r"printf 'no \033[2Jsignature\nby team\n' >&2; exit 3", r"status 3: no \?\[2Jsignature$"),
        ("exit 1", "status 1: it says nothing"),
        ("kill -KILL $$", "signal 9: it says nothing"),
        ("head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1", "status 1: x{200}$"),
    ],
)
def test_a_verifier_that_refuses_is_told_with_its_reason(
    tmp_path: Path, check: Check, script: str, reason: str
) -> None:
    policy = verified_by(tmp_path, script)
    place = rf'image."r.example".verifier {tmp_path}/verify'
    with pytest.raises(PolicyError, match=rf"image {APP}: refused by {policy.path}: {place}: {reason}") as raised:
        check(policy)
    assert str(raised.value).isprintable()


@both_ways
def test_a_verifier_that_is_not_there_refuses(tmp_path: Path, check: Check) -> None:
    policy = verified_by(tmp_path, "")
    (tmp_path / "verify").chmod(0o644)
    with pytest.raises(PolicyError, match="verify: can not be executed: permission denied"):
        check(policy)
    (tmp_path / "verify").unlink()
    with pytest.raises(PolicyError, match="verify: can not be executed: no such file or directory"):
        check(policy)


@both_ways
def test_a_verifier_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path, check: Check) -> None:
    os.mkfifo(tmp_path / "fifo")
    holder = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    policy = verified_by(tmp_path, f"exec > {tmp_path}/fifo; sleep 3600 & sleep 3600", "timeout = 0.5")
    with pytest.raises(PolicyError, match=r"verify: does not end in 0.5 seconds"):
        check(policy)
    os.set_blocking(holder, True)
    assert os.read(holder, 1) == b""
    os.close(holder)


@both_ways
def test_what_a_verifier_leaves_running_is_ended_too(tmp_path: Path, check: Check) -> None:
    os.mkfifo(tmp_path / "fifo")
    holder = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    check(verified_by(tmp_path, f"sleep 3600 > {tmp_path}/fifo 2>&1 & exit 0"))
    os.set_blocking(holder, True)
    assert os.read(holder, 1) == b""
    os.close(holder)


def test_whoever_gives_up_ends_the_verifier(tmp_path: Path) -> None:
    others = children()
    os.mkfifo(tmp_path / "fifo")

    async def run() -> None:
        policy = verified_by(tmp_path, f"echo > {tmp_path}/fifo; exec sleep 3600", "timeout = 600")
        task = asyncio.create_task(policy.check_async(APP, DOCUMENTS))
        await asyncio.to_thread((tmp_path / "fifo").read_bytes)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert children() == others


@both_ways
def test_no_descriptor_is_left(tmp_path: Path, check: Check) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for script in ("exit 0", "exit 1"):
        try:
            check(verified_by(tmp_path, script))
        except PolicyError:
            pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_change_of_the_file_counts_at_once(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "")
    policy.check_name(APP)
    policy_of(tmp_path, "[default]\nallow = false")
    with pytest.raises(PolicyError):
        policy.check_name(APP)
