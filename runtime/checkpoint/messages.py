"""The messages of CRIU's service, as far as they are used: protocol buffers, written and read field by field.

Sources: images/rpc.proto of CRIU, which numbers the fields and never changes a number; the encoding of protocol
buffers, of which two kinds of fields occur: numbers and byte strings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from firkin.errors import FirkinError

__all__ = [
    "DUMP",
    "NOTIFY",
    "PRE_DUMP",
    "RESTORE",
    "Fields",
    "Notification",
    "Opts",
    "Response",
    "Value",
    "acknowledgement",
    "request",
]

Value = bool | int | str | list[str] | list["Fields"]
Fields = Mapping[int, Value]

DUMP, RESTORE, PRE_DUMP, NOTIFY = 1, 2, 4, 6
"""Values of `criu_req_type`."""

_NUMBER, _BYTES = 0, 2
_TOO_LONG = 64


class Opts:
    """Numbers of the fields of `criu_opts`, by their names there."""

    images_dir_fd = 1
    pid = 2
    leave_running = 3
    ext_unix_sk = 4
    tcp_established = 5
    shell_job = 7
    file_locks = 8
    log_level = 9
    log_file = 10
    notify_scripts = 12
    root = 13
    parent_img = 14
    track_mem = 15
    auto_dedup = 16
    work_dir_fd = 17
    link_remap = 18
    rst_sibling = 26
    inherit_fd = 27
    manage_cgroups_mode = 34
    external = 37
    empty_ns = 38
    freeze_cgroup = 44
    orphan_pts_master = 50
    lsm_profile = 53
    lsm_mount_context = 63
    network_lock = 64


class Notification:
    """What CRIU tells while it works: the name of a `stage`, and the process it is about, 0 for none."""

    def __init__(self, stage: str, pid: int) -> None:
        self.stage = stage
        self.pid = pid


class Response:
    """An answer: its `kind`, which is that of the request or NOTIFY, and what came of it.

    `pid` is the restored process, `notification` what a NOTIFY tells, `reason` CRIU's own words on a failure, or "".
    Raises FirkinError for bytes that are no answer.
    """

    def __init__(self, data: bytes) -> None:
        fields = dict(_fields(data))
        self.kind = _number(fields, 1)
        self.success = bool(_number(fields, 2))
        self.errno = _number(fields, 7)
        self.reason = _text(fields, 9)
        self.pid = _number(dict(_fields(_bytes(fields, 4))), 1)
        told = dict(_fields(_bytes(fields, 5)))
        self.notification = Notification(_text(told, 1), _number(told, 2))


def request(kind: int, options: Fields) -> bytes:
    """A request for DUMP, PRE_DUMP or RESTORE."""
    return _message({1: kind, 2: [options]})


def acknowledgement(*, success: bool) -> bytes:
    """The answer to a notification; without `success` CRIU gives up."""
    return _message({1: NOTIFY, 3: success})


def _message(fields: Fields) -> bytes:
    data = bytearray()
    for number, value in sorted(fields.items()):
        for one in value if isinstance(value, list) else [value]:
            data += _field(number, one)
    return bytes(data)


def _field(number: int, value: int | str | Fields) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3 | _NUMBER) + _varint(value)
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else _message(value)
    return _varint(number << 3 | _BYTES) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    if value < 0:
        raise ValueError(f"{value} is negative")
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        value, position = _read_varint(data, position)
        if key & 7 == _NUMBER:
            yield key >> 3, value
        elif key & 7 == _BYTES and position + value <= len(data):
            yield key >> 3, data[position : position + value]
            position += value
        else:
            raise _malformed()


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, _TOO_LONG, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise _malformed()


def _malformed() -> FirkinError:
    return FirkinError("CRIU: its answer is not what a version from 3.12 on says")


def _number(fields: Mapping[int, int | bytes], number: int) -> int:
    value = fields.get(number, 0)
    # Negative numbers are extended to 64 bits.
    if isinstance(value, bytes):
        raise _malformed()
    return value - (1 << 64) if value >> 63 else value


def _bytes(fields: Mapping[int, int | bytes], number: int) -> bytes:
    value = fields.get(number, b"")
    if isinstance(value, int):
        raise _malformed()
    return value


def _text(fields: Mapping[int, int | bytes], number: int) -> str:
    return _bytes(fields, number).decode("utf-8", "replace")
