"""Root file systems of images: layers that are unpacked once and shared, and what containers write over them.

    ROOT/snapshots/layers/NAME    an unpacked layer, never changed
    ROOT/snapshots/new/...        one that is being made, locked by who makes it
    ROOT/snapshots/trash/...      what is being removed
    ROOT/containers/NAME/...      what belongs to one container: a *holding*, which keeps its layers

`firkin.oci.snapshots.store.Snapshots` gives the layers of an image, `firkin.oci.snapshots.holding.Holding` a tree to
run a container in: a directory, and, where the kernel can do it, an `Overlay` that is mounted over it. Nothing here
leaves a mount behind: an overlay is made by the plan that starts the container (`firkin.runtime`), as a descriptor that
is attached in the container's mount namespace only.

A crash at any moment leaves what the next call goes on without, and what `Snapshots.collect` removes.
"""

from __future__ import annotations

__all__: list[str] = []
