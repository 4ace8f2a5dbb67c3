"""Files of variables, such as `NAME='value'`: what of bash Kubernetes takes, so that bash reads the same of it.

Source: the Kubernetes documentation, "Define Environment Variable Values Using An Init Container", env file syntax.
"""

from __future__ import annotations

import re

__all__ = ["parse_env_file"]

# A value is all that is between two single quotes, line breaks among it; behind it there is nothing more in the line.
_BLANK = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_VARIABLE = re.compile(r"[ \t]*([^\s='\"#]+)[ \t]*=[ \t]*'([^']*)'[ \t]*(?:\n|\Z)")


def parse_env_file(text: str) -> dict[str, str]:
    """The variables of a file; of two of the same name the later one. Raises ValueError, with the line."""
    found: dict[str, str] = {}
    text, at = text.replace("\r\n", "\n"), 0
    while at < len(text):
        if blank := _BLANK.match(text, at):
            at = blank.end()
        elif variable := _VARIABLE.match(text, at):
            found[variable[1]] = variable[2]
            at = variable.end()
        else:
            raise ValueError(f"line {text.count(chr(10), 0, at) + 1}: is not of the form NAME='value'")
    return found
