"""JSON text to plain values and back, without the `json` package.

`json` imports `re` and costs more than reading a whole configuration, so this module drives the C scanner and
encoder under it directly. The grammar is RFC 8259 and no more: what `json` adds to it (NaN, infinities, a byte
order mark, strings that are no Unicode text) is refused, because such a value could not be handed to the kernel
or written back.
"""

from __future__ import annotations

from firkin.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

__all__ = ["dump", "parse"]

_BLANK = " \t\n\r"


def _number(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _NotJsonError(f"number {text[:40]} is out of range")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise _NotJsonError(f"{name} is not a JSON number")


def _refuse_value(value: object) -> NoReturn:
    raise TypeError(f"{type(value).__name__} has no JSON form")


class _NotJsonError(ValueError):
    """A value that Python's scanner takes and RFC 8259 does not."""


class _Rules:
    # The attributes are the protocol of `_json.make_scanner`.
    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = staticmethod(_number)
    parse_int = int
    parse_constant = staticmethod(_refuse_constant)


if TYPE_CHECKING:
    _scan: Callable[[str, int], tuple[object, int]]
    _quote: Callable[[str], str]
    _ascii: Callable[[object, int], tuple[str, ...]]
    _unicode: Callable[[object, int], tuple[str, ...]]
else:
    try:
        from _json import encode_basestring as _plain
        from _json import encode_basestring_ascii as _quote
        from _json import make_encoder, make_scanner

        _scan = make_scanner(_Rules)
        _ascii = make_encoder(None, _refuse_value, _quote, None, ":", ",", False, False, False)
        _unicode = make_encoder(None, _refuse_value, _plain, None, ":", ",", False, False, False)
    except (ImportError, AttributeError, TypeError):
        # `_json` is an optional part of CPython, and its signatures are nobody's promise.
        import json

        _scan = json.JSONDecoder(parse_float=_number, parse_constant=_refuse_constant).scan_once
        _quote = json.encoder.encode_basestring_ascii

        def _ascii(value: object, _level: int, *, escape: bool = True) -> tuple[str]:
            options = {"ensure_ascii": escape, "allow_nan": False, "check_circular": False}
            return (json.dumps(value, default=_refuse_value, separators=(",", ":"), **options),)

        def _unicode(value: object, level: int) -> tuple[str]:
            return _ascii(value, level, escape=False)


def parse(text: str | bytes, document: str) -> object:
    """The value of a JSON document; of duplicate keys the last wins, as in most parsers.

    Parameters: `text` is the whole document (UTF-8 if it is bytes), `document` its name in errors.
    Raises ConfigError with the line and column (both from 1) where the text stops being JSON. Source: RFC 8259.
    """
    source = _decoded(text, document)
    try:
        value, end = _scanned(source)
    except StopIteration as stop:
        raise _syntax_error(source, stop.value, "expected a value", document) from None
    except RecursionError:
        raise ConfigError("", "nested too deeply", document=document) from None
    except ValueError as error:
        raise _refused(source, error, document) from None
    if source[end:].strip(_BLANK):
        end += len(source) - end - len(source[end:].lstrip(_BLANK))
        raise _syntax_error(source, end, "text after the end of the value", document)
    if "\\u" in source or (isinstance(text, str) and not source.isascii()):
        _check_unicode(value, document)
    return value


def dump(value: object, indent: int = 0) -> str:
    """The JSON text of a plain value, in ASCII.

    Parameters: `value` is made of dict, list, tuple, str, int, float, bool and None; `indent` is the number of
    spaces per level, 0 puts everything on one line without blanks.
    Raises TypeError for any other type, ValueError for NaN, infinities and nesting beyond the interpreter's stack.
    Source: RFC 8259.
    """
    try:
        if indent:
            return _indented(value, "\n", " " * indent)
        return "".join(_ascii(value, 0))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _scanned(source: str) -> tuple[object, int]:
    start = len(source) - len(source.lstrip(_BLANK))
    try:
        return _scan(source, start)
    except SystemError:
        # Python 3.11's scanner raises nothing for a syntax error unless the module of its exception is loaded.
        import json.decoder  # noqa: F401

        return _scan(source, start)


def _decoded(text: str | bytes, document: str) -> str:
    try:
        source = text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError as error:
        raise ConfigError("", f"not UTF-8 text: byte {error.start} is wrong", document=document) from None
    if source.startswith("\ufeff"):
        raise ConfigError("", "starts with a byte order mark, which JSON does not allow", document=document)
    return source


def _refused(source: str, error: ValueError, document: str) -> ConfigError:
    position = getattr(error, "pos", None)
    if position is not None:
        reason = str(getattr(error, "msg", "not JSON")).removesuffix(" at").removesuffix(" starting")
        return _syntax_error(source, position, reason[:1].lower() + reason[1:], document)
    if isinstance(error, _NotJsonError):
        return ConfigError("", str(error), document=document)
    # int() refuses what has thousands of digits (sys.int_info.default_max_str_digits).
    return ConfigError("", "a number has too many digits", document=document)


def _syntax_error(source: str, position: int, reason: str, document: str) -> ConfigError:
    line = source.count("\n", 0, position) + 1
    column = position - source.rfind("\n", 0, position)
    return ConfigError("", f"line {line} column {column}: {reason}", document=document)


def _check_unicode(value: object, document: str) -> None:
    try:
        "".join(_unicode(value, 0)).encode()
    except UnicodeEncodeError:
        raise ConfigError("", "a string holds half of a surrogate pair", document=document) from None
    except RecursionError:
        raise ConfigError("", "nested too deeply", document=document) from None


def _indented(value: object, line: str, step: str) -> str:
    # The C encoder of Python 3.11 to 3.13 does not indent.
    inner = line + step
    if isinstance(value, dict) and value:
        members = [f"{_quote(key)}: {_indented(item, inner, step)}" for key, item in value.items()]
        return "{" + inner + ("," + inner).join(members) + line + "}"
    if isinstance(value, (list, tuple)) and value:
        return "[" + inner + ("," + inner).join(_indented(item, inner, step) for item in value) + line + "]"
    return "".join(_ascii(value, 0))
