"""The single checks of which validation is made: each takes a value and its JSON path, and returns or raises."""

from __future__ import annotations

from firkin.errors import ConfigError
from firkin.oci.json_text import dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from firkin.oci.runtime_spec.linux import IdMapping

__all__ = [
    "absolute",
    "id_mappings",
    "id_value",
    "known",
    "known_all",
    "no_nul",
    "no_nuls",
    "one_line",
]

_LAST_ID = 0xFFFFFFFE


def no_nul(text: str, path: str) -> None:
    """Raise ConfigError if `text`, which becomes a C string, would be cut short."""
    if "\0" in text:
        raise ConfigError(path, "holds a NUL character")


def no_nuls(texts: Sequence[str], path: str) -> None:
    """`no_nul` for each string of an array at `path`."""
    if "\0" in "".join(texts):
        index = next(index for index, text in enumerate(texts) if "\0" in text)
        raise ConfigError(f"{path}[{index}]", "holds a NUL character")


def one_line(text: str, path: str) -> None:
    """Raise ConfigError if `text`, which is written to a kernel file as one line, has an end of line or a NUL."""
    if "\n" in text or "\0" in text:
        raise ConfigError(path, f"must be one line, got {dump(text)}")


def absolute(text: str, path: str) -> None:
    """Raise ConfigError if `text` is no absolute path."""
    if text[:1] != "/":
        raise ConfigError(path, f"must be an absolute path, got {dump(text)}")
    no_nul(text, path)


def known(word: str, words: Collection[str], path: str, what: str) -> None:
    """Raise ConfigError if `word` is none of `words`; `what` is their noun."""
    if word not in words:
        raise ConfigError(path, f"unknown {what} {dump(word)}", hint=f"known: {', '.join(words)}")


def known_all(given: Iterable[str], words: Collection[str], path: str, what: str) -> None:
    """`known` for each string of an array at `path`."""
    for index, word in enumerate(given):
        known(word, words, f"{path}[{index}]", what)


def id_value(value: int | None, path: str) -> None:
    """Raise ConfigError if `value` is the one number that is no user or group id: (uid_t) -1 means "no change"."""
    if value is not None and value > _LAST_ID:
        raise ConfigError(path, f"{value} is not a valid id, the last is {_LAST_ID}")


def id_mappings(mappings: Sequence[IdMapping], path: str) -> None:
    """Raise ConfigError for mappings that the kernel refuses: empty, past the last id, or overlapping.

    Source: user_namespaces(7), and map_write() in kernel/user_namespace.c, where the end of a range may not be 2^32.
    """
    for index, mapping in enumerate(mappings):
        place = f"{path}[{index}]"
        if not mapping.size:
            raise ConfigError(f"{place}.size", "must be 1 or more")
        for name, first in (("containerID", mapping.container_id), ("hostID", mapping.host_id)):
            if first + mapping.size - 1 > _LAST_ID:
                raise ConfigError(f"{place}.{name}", f"{mapping.size} ids from {first} go past the last, {_LAST_ID}")
    if len(mappings) > 1:
        _no_overlap([(mapping.container_id, mapping.size) for mapping in mappings], path, "containerID")
        _no_overlap([(mapping.host_id, mapping.size) for mapping in mappings], path, "hostID")


def _no_overlap(ranges: list[tuple[int, int]], path: str, name: str) -> None:
    end = 0
    other = 0
    for first, index in sorted((first, index) for index, (first, _) in enumerate(ranges)):
        if first < end:
            raise ConfigError(f"{path}[{index}].{name}", f"overlaps the range of {path}[{other}]")
        end, other = first + ranges[index][1], index
