"""Files of variables, as Kubernetes takes them; what bash would read otherwise is refused."""

from __future__ import annotations

import subprocess

import pytest

from firkin.kubelet.environment.env_file import parse_env_file

GOOD = """
# a comment
ADDRESS='192.0.2.1'
  INDENTED = 'a b'

EMPTY=''
HASH='not # a comment'
MANY='line 1
line 2 $HOME "quoted" \\n'
ADDRESS='192.0.2.2'"""


def test_names_and_values_are_taken_as_they_are() -> None:
    assert parse_env_file(GOOD) == {
        "ADDRESS": "192.0.2.2", "INDENTED": "a b", "EMPTY": "", "HASH": "not # a comment",
        "MANY": 'line 1\nline 2 $HOME "quoted" \\n',
    }  # fmt: skip
    assert parse_env_file("") == parse_env_file("\n # only this") == {}
    assert parse_env_file("A='1'\r\nB='2'\r\n") == {"A": "1", "B": "2"}


def test_the_shell_reads_the_same() -> None:
    text = "\n".join(line for line in GOOD.splitlines() if "INDENTED" not in line)
    for name, value in parse_env_file(text).items():
        done = subprocess.run(["sh", "-c", f'{text}\nprintf %s "${name}"'], capture_output=True, text=True, check=True)
        assert done.stdout == value


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=value", 1),
        ('A="value"', 1),
        ("A='1'\nB='2''3'", 2),
        ("A='1'$B", 1),
        ("A='1", 1),
        ("\n\n='1'", 3),
        ("A='1' # no comment", 1),
        ("A B='1'", 1),
        ("A='1\n2'\nexport B='1'", 3),
    ],
)
def test_what_is_not_of_the_form_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(ValueError, match=f"^line {line}: is not of the form NAME='value'$"):
        parse_env_file(text)
