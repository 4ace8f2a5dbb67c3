"""Commands that containers and pods have in common: which are meant."""

from __future__ import annotations

import shlex

import pytest

from firkin.runtime.cli.commands import load
from firkin.runtime.cli.pods import POD_MODULES, means_pods


@pytest.mark.parametrize(
    ("line", "is_pods"),
    [
        ("exec web ls", False),
        ("exec web cat /etc/hosts", False),
        ("exec --cwd /srv web ls", False),
        ("exec --process /p --detach --pid-file /q web", False),
        ("exec -td -e A=/b web sh -n x", False),
        ("exec -c CAP_KILL web sh", False),
        ("exec -- web ls pod/x", False),
        ("exec pod/web -- ls", True),
        ("exec -it pod/web -c proxy -- sh", True),
        ("exec -n shop web -- sh", True),
        ("exec --namespace=shop web -- sh", True),
        ("top", False),
        ("top system.slice", False),
        ("top --once --sort memory", False),
        ("top -s name pods", True),
        ("top pods -A", True),
        ("top pod web", True),
        ("top node", True),
        ("top -n shop", True),
        ("top --socket /s pods", True),
        ("top --no-headers pods", True),
    ],
)
def test_what_is_meant(line: str, is_pods: bool) -> None:
    name, *words = shlex.split(line)
    assert means_pods(load(name)[0], words) is is_pods


@pytest.mark.parametrize("name", POD_MODULES)
def test_those_for_pods_are_declared_under_the_same_name(name: str) -> None:
    command, _ = load(name, POD_MODULES)
    assert command.name == name
    assert command.group == "Pods"
    names = [one for option in command.options for one in (option.long, option.short) if one]
    assert len(names) == len(set(names))
