"""Names of unpacked layers, and what ids of files become."""

from __future__ import annotations

import hashlib

import pytest

from firkin.errors import ImageError
from firkin.oci.snapshots.names import chain_ids, chained, flat, item, standalone
from firkin.oci.snapshots.trees import Ids

LAYERS = [f"sha256:{digit * 64}" for digit in "abc"]


def test_chain_ids() -> None:
    first = LAYERS[0]
    second = f"sha256:{hashlib.sha256(f'{first} {LAYERS[1]}'.encode()).hexdigest()}"
    third = f"sha256:{hashlib.sha256(f'{second} {LAYERS[2]}'.encode()).hexdigest()}"
    assert chain_ids(LAYERS) == [first, second, third]
    assert chain_ids([]) == []


def test_names_are_names_of_files_and_differ_by_kind() -> None:
    names = {make(LAYERS[0]) for make in (standalone, chained, flat)}
    assert len(names) == 3
    assert all("/" not in name and ":" not in name for name in names)
    assert item(standalone(LAYERS[0])) == f"snapshot/layer-sha256-{'a' * 64}"


def test_ids() -> None:
    ids = Ids([(0, 1000, 1), (1, 5000, 10)], [(0, 7, 100)])
    assert [ids.map(0, 0), ids.map(10, 99)] == [(1000, 7), (5009, 106)]
    for uid, gid in ((11, 0), (0, 100)):
        with pytest.raises(ImageError, match="is not mapped"):
            ids.map(uid, gid)
