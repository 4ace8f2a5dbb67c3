"""A manifest: the objects that a text describes, as they are wanted on this node, and what is wrong with it.

A pod is a static one, as Kubernetes calls it: named after the node, with an identity that is made of all that the
manifest says, so that a change of it is another pod.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec

from firkin.errors import ConfigError
from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.workload import Job
from firkin.kubelet.objects.decode import decode_document
from firkin.kubelet.objects.defaults import complete, complete_job
from firkin.kubelet.objects.documents import Document, read_documents
from firkin.kubelet.objects.validation.check import InvalidError, check

__all__ = ["HASH", "MIRROR", "ORIGIN", "SOURCE", "Manifest", "read_manifest"]

SOURCE = "kubernetes.io/config.source"
HASH = "kubernetes.io/config.hash"
MIRROR = "kubernetes.io/config.mirror"
ORIGIN = "firkin.io/config.origin"
_replace = msgspec.structs.replace


class Manifest(NamedTuple):
    """The objects of a text, and complaints about it: each says where. `is_whole` is false if it could not be read."""

    items: tuple[Resource, ...] = ()
    complaints: tuple[str, ...] = ()
    is_whole: bool = True


def read_manifest(text: bytes, origin: str, *, source: str, node: str) -> Manifest:
    """The manifest that `text` is, which comes of the file or URL `origin`; `source` is `file` or `http`.

    What is wrong with one document does not keep the others from being read.
    """
    try:
        documents = read_documents(text, origin)
    except ConfigError as error:
        return Manifest((), (str(error),), is_whole=False)
    items: list[Resource] = []
    complaints: list[str] = []
    for document in documents:
        try:
            items.append(_item(document, origin, source, node, complaints))
        except ConfigError as error:
            complaints.append(str(error))
        except InvalidError as error:
            complaints += [f"{document.place(fault.path)}: {fault}" for fault in error.faults]
    return Manifest(tuple(items), tuple(complaints))


def _item(document: Document, origin: str, source: str, node: str, complaints: list[str]) -> Resource:
    item, unknown = decode_document(document)
    complaints += [f'{document.place(path)}: unknown field "{path}"' for path in unknown]
    item = complete(item, node=node)
    metadata = _replace(item.metadata, uid="", resource_version="", owner_references=[], finalizers=[])
    item = _replace(item, metadata=metadata)
    if hasattr(item, "status"):
        item = _replace(item, status=type(item.status)())
    check(item)
    return _identified(item, origin, source, node)


def _identified(item: Resource, origin: str, source: str, node: str) -> Resource:
    content = b"\0".join((msgspec.json.encode(item), node.encode(), source.encode(), origin.encode()))
    digest = hashlib.sha256(content).hexdigest()[:32]
    metadata = item.metadata
    annotations = {**metadata.annotations, SOURCE: source, HASH: digest, ORIGIN: origin}
    if isinstance(item, Job):
        item = complete_job(item, digest)
    if not isinstance(item, Pod):
        uid = digest if isinstance(item, Job) else ""
        return _replace(item, metadata=_replace(metadata, uid=uid, annotations=annotations))
    annotations[MIRROR] = digest
    name = f"{metadata.name or metadata.generate_name.rstrip('-')}-{node}"
    return _replace(item, metadata=_replace(metadata, name=name, generate_name="", uid=digest, annotations=annotations))
