"""`firkin bench`: predictions and measurements of how cgroup v2 shares a machine."""

from __future__ import annotations

from firkin.errors import UsageError
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

_MANY = 1000
CONTESTS = ("lifecycle", "accounting", "images", "cri")
# How many arguments each takes, at least and at most, which, and an example.
ACTIONS = {
    "predict": (1, 1, "exactly one TREE", "firkin bench predict tree.yaml"),
    "generate": (1, 1, "exactly one number of GROUPS", "firkin bench generate 10000 > node.yaml"),
    "models": (0, _MANY, "names of experiments", "firkin bench models weights"),
    "compare": (2, 2, "exactly OLD and NEW", "firkin bench compare monday.json today.json"),
    **{name: (0, 0, "no argument", f"firkin bench {name} --quick") for name in CONTESTS},
    "report": (1, 1, "exactly one RESULT", "firkin bench report run.json"),
}


def _check(invocation: Invocation) -> None:
    action, *rest = invocation.arguments
    if action not in ACTIONS:
        raise UsageError(f"bench: unknown action '{action}'", hint=f"one of {', '.join(ACTIONS)}")
    least, most, words, example = ACTIONS[action]
    if not least <= len(rest) <= most:
        raise UsageError(f"bench {action}: takes {words}", hint=f"such as {example}")


COMMAND = Command(
    "bench",
    "predict how cgroup v2 shares a machine out, and measure it",
    "ACTION [ARGUMENT...]",
    group="Cgroups",
    options=(
        Option("set", "s", "GROUP/FILE=VALUE", "predict: what if this were changed; shows both", repeat=True),
        Option("trace", "", "FILE.csv", "predict: over a day: lines of time,group,resource,demand"),
        Option("seed", "", "N", "generate: another node of the same size", kind="number"),
        Option("quick", help="measure for less than two minutes"),
        Option("json", help="write JSON"),
        Option("html", "", "FILE", "write a page for a browser, too"),
        Option("device", "", "PATH", "models: a whole disk that nobody uses, to be overwritten"),
        Option("any-host", help="compare: although the runs are of different hosts"),
        Option("output", "o", "FILE", "report: where to write it (beside the result; - is standard output)"),
    ),
    description=(
        "predict TREE says who would get which share of processors, memory, device time and process numbers, and what "
        "holds whom back. TREE is a YAML file of groups with cgroup v2's interface files as keys, and what each group "
        "wants; examples/tree.yaml is one. Nothing is measured and no privilege is needed. With --trace it says who is "
        "held back when over a day, and what to change. generate GROUPS writes a tree of that size. "
        "models [NAME...] runs experiments, all or some: each says what it predicts, measures it with real loads in "
        "cgroups of its own, and exits with 1 if one does not agree. Devices are measured on a loop device of its own, "
        "or on the disk that is named with --device, whose contents are lost. report RESULT makes a page of what "
        "models --json wrote, with plots; it loads nothing, and no script is in it. compare OLD NEW names what of two "
        "runs on the same host differs by more than their confidence intervals, and exits with 1 if something is "
        f"worse. {', '.join(CONTESTS)}: firkin and what this machine has of its peers, in turn; those that are not "
        "installed are named."
    ),
    examples=(
        ("firkin bench predict examples/tree.yaml", "who gets what"),
        ("firkin bench predict tree.yaml --set web/cpu.weight=400 --set machine.cpus=8", "what if"),
        ("firkin bench predict examples/tree.yaml --trace examples/day.csv", "who is held back when"),
        ("firkin bench predict tree.yaml --html tree.html", "the same as a picture"),
        ("firkin bench models --quick", "does this kernel do what is predicted?"),
        ("firkin bench models --json > run.json", "the same for programs"),
        ("firkin bench report run.json -o run.html", "a page of it"),
        ("firkin bench lifecycle", "how long containers take with firkin, runc and crun"),
        ("firkin bench compare before.json after.json", "did an update of the kernel change anything?"),
    ),
    check=_check,
)


def run(invocation: Invocation) -> int:
    """Do what is asked for; returns the exit code. Raises FirkinError."""
    action, *rest = invocation.arguments
    if action == "report":
        from firkin.workbench.report.command import report

        return report(rest[0], invocation.text("output"))
    if action == "compare":
        from firkin.workbench.report.compare_command import compare_results

        as_json, any_host = invocation.flag("json"), invocation.flag("any-host")
        return compare_results(rest[0], rest[1], any_host=any_host, as_json=as_json)
    if action == "generate":
        from firkin.workbench.generate import write_tree

        return write_tree(rest[0], invocation.number("seed"))
    if action in CONTESTS:
        from firkin.workbench.peers.command import contest

        quick, as_json = invocation.flag("quick"), invocation.flag("json")
        return contest(action, quick=quick, as_json=as_json, page=invocation.text("html"))
    _need_numpy()
    if action == "models":
        from firkin.workbench.models_command import models

        quick, as_json, page = invocation.flag("quick"), invocation.flag("json"), invocation.text("html")
        return models(rest, quick=quick, as_json=as_json, page=page, device=invocation.text("device"))
    from firkin.workbench.predict_command import predict_tree

    changes, as_json = invocation.texts("set"), invocation.flag("json")
    trace, page = invocation.text("trace"), invocation.text("html")
    return predict_tree(rest[0], changes, trace=trace, as_json=as_json, page=page)


def _need_numpy() -> None:
    try:
        import numpy  # noqa: F401
    except ImportError:
        raise UsageError("bench: needs numpy", hint="pip install 'firkin[bench]'") from None
    except RuntimeError as error:
        # Such as one that was built for newer processors.
        raise UsageError(f"bench: numpy does not work here: {' '.join(str(error).split())}") from None
