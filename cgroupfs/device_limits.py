"""Limits of block devices, huge pages and RDMA devices as writes to cgroup v2 files; see `resources`."""

from __future__ import annotations

from firkin.errors import ConfigError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from firkin.cgroupfs.resources import Asked
    from firkin.oci.runtime_spec import BlockIo, HugepageLimit, Network, Rdma, Resources, WeightDevice

__all__ = ["asked", "io_weight"]

_NO_SETTING = "cgroup v2 has no such setting"
_LEAST_WEIGHT, _MOST_WEIGHT = 10, 1000


def asked(resources: Resources, prefix: str, files: frozenset[str]) -> Iterator[Asked]:
    """The writes for `blockIO`, `hugepageLimits` and `rdma`, as file, value and place; parameters as of `writes`.

    Raises UnsupportedError and ConfigError like `writes`, the former for all of `network` too.
    """
    if resources.network:
        _refuse_network(resources.network, f"{prefix}network")
    if resources.block_io:
        yield from _block_io(resources.block_io, f"{prefix}blockIO", bfq="io.bfq.weight" in files)
    yield from _hugepages(resources.hugepage_limits)
    yield from _rdma(resources.rdma)


def io_weight(weight: int) -> int:
    """io.weight, 1 to 10000, for the weight of a block device, 10 to 1000."""
    return 1 + (weight - _LEAST_WEIGHT) * 9999 // (_MOST_WEIGHT - _LEAST_WEIGHT)


def _block_io(block_io: BlockIo, place: str, *, bfq: bool) -> Iterator[Asked]:
    if block_io.leaf_weight:
        raise UnsupportedError(f"{place}.leafWeight", _NO_SETTING)
    file = "io.bfq.weight" if bfq else "io.weight"
    if block_io.weight:
        yield file, _weight(block_io.weight, f"{place}.weight", bfq=bfq), "blockIO.weight"
    for index, device in enumerate(block_io.weight_device):
        weight = _device_weight(device, f"{place}.weightDevice[{index}]", bfq=bfq)
        yield file, f"{device.major}:{device.minor} {weight}", f"blockIO.weightDevice[{index}]"
    for name, key, devices in (
        ("throttleReadBpsDevice", "rbps", block_io.throttle_read_bps_device),
        ("throttleWriteBpsDevice", "wbps", block_io.throttle_write_bps_device),
        ("throttleReadIOPSDevice", "riops", block_io.throttle_read_iops_device),
        ("throttleWriteIOPSDevice", "wiops", block_io.throttle_write_iops_device),
    ):
        for index, limit in enumerate(devices):
            # The kernel refuses 0, which for the specification's version 1 took a limit away.
            yield "io.max", f"{limit.major}:{limit.minor} {key}={limit.rate or 'max'}", f"blockIO.{name}[{index}]"


def _weight(weight: int, place: str, *, bfq: bool) -> int:
    if not _LEAST_WEIGHT <= weight <= _MOST_WEIGHT:
        raise ConfigError(place, f"must be from {_LEAST_WEIGHT} to {_MOST_WEIGHT}, got {weight}")
    return weight if bfq else io_weight(weight)


def _device_weight(device: WeightDevice, place: str, *, bfq: bool) -> int:
    if device.leaf_weight:
        raise UnsupportedError(f"{place}.leafWeight", _NO_SETTING)
    return _weight(device.weight or 0, f"{place}.weight", bfq=bfq)


def _hugepages(limits: Sequence[HugepageLimit]) -> Iterator[Asked]:
    for index, limit in enumerate(limits):
        # What is used, and what is reserved before it is (Linux 5.7).
        for kind in ("", ".rsvd"):
            yield f"hugetlb.{limit.page_size}{kind}.max", limit.limit, f"hugepageLimits[{index}]"


def _rdma(devices: Mapping[str, Rdma]) -> Iterator[Asked]:
    from firkin.oci.annotation import subscript

    for name, limits in devices.items():
        words = [name]
        if limits.hca_handles is not None:
            words.append(f"hca_handle={limits.hca_handles}")
        if limits.hca_objects is not None:
            words.append(f"hca_object={limits.hca_objects}")
        yield "rdma.max", " ".join(words), f"rdma{subscript(name)}"


def _refuse_network(network: Network, place: str) -> None:
    for name, value in (("classID", network.class_id), ("priorities", network.priorities)):
        if value:
            raise UnsupportedError(f"{place}.{name}", _NO_SETTING)
