"""`firkin bench`: predictions and measurements of how cgroup v2 shares a machine."""

from __future__ import annotations

from firkin.errors import UsageError
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

ACTIONS = ("predict", "models")


def _check(invocation: Invocation) -> None:
    action, *rest = invocation.arguments
    if action not in ACTIONS:
        raise UsageError(f"bench: unknown action '{action}'", hint=f"one of {', '.join(ACTIONS)}")
    if action == "predict" and len(rest) != 1:
        raise UsageError("bench predict: exactly one TREE is needed", hint="such as firkin bench predict tree.yaml")


COMMAND = Command(
    "bench",
    "predict how cgroup v2 shares a machine out, and measure it",
    "ACTION [ARGUMENT...]",
    group="Cgroups",
    options=(
        Option("set", "s", "GROUP/FILE=VALUE", "predict: what if this were changed; shows both", repeat=True),
        Option("quick", help="models: measure for less than two minutes"),
        Option("json", help="write JSON"),
    ),
    description=(
        "predict TREE says who would get which share of processors, memory, device time and process numbers, and what "
        "holds whom back. TREE is a YAML file of groups with cgroup v2's interface files as keys, and what each group "
        "wants; examples/tree.yaml is one. Nothing is measured and no privilege is needed. models [NAME...] runs "
        "experiments, all or some: each says what it predicts, measures it with real loads in cgroups of its own, and "
        "exits with 1 if one does not agree."
    ),
    examples=(
        ("firkin bench predict examples/tree.yaml", "who gets what"),
        ("firkin bench predict tree.yaml --set web/cpu.weight=400 --set machine.cpus=8", "what if"),
        ("firkin bench models --quick", "does this kernel do what is predicted?"),
    ),
    check=_check,
)


def run(invocation: Invocation) -> int:
    """Do what is asked for; returns 0. Raises ConfigError, UsageError."""
    try:
        import numpy  # noqa: F401
    except ImportError:
        raise UsageError("bench: needs numpy", hint="pip install 'firkin[bench]'") from None
    except RuntimeError as error:
        # Such as one that was built for newer processors.
        raise UsageError(f"bench: numpy does not work here: {' '.join(str(error).split())}") from None
    action, *rest = invocation.arguments
    if action == "models":
        from firkin.workbench.models_command import models

        return models(rest, quick=invocation.flag("quick"), as_json=invocation.flag("json"))
    return _predict(invocation, rest[0])


def _predict(invocation: Invocation, path: str) -> int:
    import json
    import sys

    from firkin.workbench.forecast import predict
    from firkin.workbench.render import as_json, as_text
    from firkin.workbench.tree_file import edit, read_plan

    plan = before = read_plan(path)
    for change in invocation.texts("set"):
        plan = edit(plan, change)
    forecast = predict(plan)
    if invocation.flag("json"):
        json.dump(as_json(forecast), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        former = predict(before) if plan != before else None
        sys.stdout.write(as_text(forecast, plan.machine.cpus, former))
    return 0
