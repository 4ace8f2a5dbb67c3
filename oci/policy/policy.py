"""The decision about an image: by its name, then by its documents, each time that it is to be used."""

from __future__ import annotations

import os

from firkin.errors import ConfigError, PolicyError
from firkin.oci.policy.rules import POLICY_FILE, load_rules, rule_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from firkin.oci.image.manifest import Descriptor
    from firkin.oci.image.reference import Reference
    from firkin.oci.policy.rules import Rule
    from firkin.oci.policy.verifier import Task

    Documents = Sequence[tuple[Descriptor, bytes]]

__all__ = ["Policy"]


class Policy:
    """The rules in the file `path`, which is read for each decision: a daemon need not be told of a change.

    All methods raise PolicyError for an image that is refused, with who refuses it and why; a file that can not be
    read or understood refuses all.
    """

    def __init__(self, path: str = POLICY_FILE) -> None:
        self.path = path

    def check_name(self, reference: Reference) -> None:
        """Whether an image may be asked for at all."""
        self._rule(reference)

    def verifies(self, reference: Reference) -> bool:
        """As `check_name`, and whether the image's documents are looked at, too, before it is used."""
        rule = self._rule(reference)
        return rule is not None and bool(rule.verifier)

    def check(self, reference: Reference, documents: Documents) -> None:
        """Whether an image may be used. Blocks while the verifier runs.

        Parameters: `documents` are the manifest, last, and before it the index that it is in, if it is in one.
        """
        rule = self._rule(reference)
        if rule is None or not rule.verifier:
            return
        from firkin.oci.policy.verifier import Process

        try:
            with Process(_task(rule, reference, documents)) as process:
                ended = process.wait()
                objection = process.objection() if ended else _late(rule)
        except OSError as error:
            objection = _unusable(error)
        self._judge(rule, reference, objection)

    async def check_async(self, reference: Reference, documents: Documents) -> None:
        """As `check`, beside whatever else the event loop does."""
        import asyncio

        from firkin.oci.policy.verifier import Process

        rule = self._rule(reference)
        if rule is None or not rule.verifier:
            return
        loop = asyncio.get_running_loop()
        try:
            with Process(_task(rule, reference, documents)) as process:
                ended = asyncio.Event()
                loop.add_reader(process.pidfd, ended.set)
                try:
                    async with asyncio.timeout(rule.timeout):
                        await ended.wait()
                finally:
                    loop.remove_reader(process.pidfd)
                objection = process.objection()
        except TimeoutError:
            objection = _late(rule)
        except OSError as error:
            objection = _unusable(error)
        self._judge(rule, reference, objection)

    def _rule(self, reference: Reference) -> Rule | None:
        try:
            rules = load_rules(self.path)
        except ConfigError as error:
            raise self._error(reference, error.message.removeprefix(f"{self.path}: ")) from error
        except OSError as error:
            raise self._error(reference, os.strerror(error.errno or 0).lower()) from error
        rule = rule_for(rules, reference)
        if rule is not None and not rule.allow:
            raise self._error(reference, f"{rule.place}.allow is false")
        if rule is not None and rule.digest and not reference.digest:
            hint = f"such as {reference.repository}@sha256:..."
            raise self._error(reference, f"{rule.place}.digest wants it named by its digest", hint)
        return rule

    def _judge(self, rule: Rule, reference: Reference, objection: str) -> None:
        if objection:
            raise self._error(reference, f"{rule.place}.verifier {rule.verifier[0]}: {objection}")

    def _error(self, reference: Reference, reason: str, hint: str = "") -> PolicyError:
        return PolicyError(f"image {reference}: refused by {self.path}: {reason}", hint=hint)


def _task(rule: Rule, reference: Reference, documents: Documents) -> Task:
    from firkin.oci.policy.verifier import Task

    top, document = documents[0]
    environment = {
        "FIRKIN_REFERENCE": str(reference),
        "FIRKIN_DIGEST": top.digest,
        "FIRKIN_MEDIA_TYPE": top.media_type,
        "FIRKIN_MANIFEST": documents[-1][0].digest,
    }
    return Task(rule.verifier, environment, document, rule.timeout)


def _late(rule: Rule) -> str:
    return f"does not end in {rule.timeout:g} seconds"


def _unusable(error: OSError) -> str:
    return f"can not be executed: {os.strerror(error.errno or 0).lower()}"
