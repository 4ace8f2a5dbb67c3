"""The table of commands: complete, consistent, and accepting what the callers of OCI runtimes send."""

from __future__ import annotations

import os
import pkgutil
import shlex
import shutil
import subprocess

import pytest

import firkin.runtime.commands
from firkin.errors import UsageError
from firkin.runtime.cli.commands import GLOBAL_OPTIONS, MODULES, Invocation, interpret, load
from firkin.runtime.cli.help import commands
from firkin.runtime.cli.options import parse


def invocation(line: str) -> Invocation:
    """Read a whole command line, without the program's name."""
    settings: dict[str, bool | int | str | list[str]] = {}
    words = parse(shlex.split(line), GLOBAL_OPTIONS, settings, interspersed=False)
    return interpret(load(words[0])[0], words[1:], settings)


def test_every_command_module_is_in_the_table() -> None:
    modules = {f"firkin.runtime.commands.{m.name}" for m in pkgutil.iter_modules(firkin.runtime.commands.__path__)}
    ours = {module for module in MODULES.values() if module.startswith("firkin.runtime.commands.")}
    assert modules == ours


@pytest.mark.parametrize("name", MODULES)
def test_a_command_is_declared_under_its_name_with_examples(name: str) -> None:
    command, _ = load(name)
    assert command.name == name
    assert command.summary
    assert command.examples


@pytest.mark.parametrize("name", ["", *MODULES])
def test_no_two_options_of_a_command_share_a_name(name: str) -> None:
    options = load(name)[0].options if name else GLOBAL_OPTIONS
    names = [n for option in options for n in (option.long, option.short) if n]
    assert len(names) == len(set(names))
    assert all(option.help for option in options)


@pytest.mark.parametrize(
    "line", [line for command in commands() for line, _ in command.examples if line.startswith("firkin ")]
)
def test_every_example_is_accepted(line: str) -> None:
    command_line = line.removeprefix("firkin ").partition(" > ")[0]
    assert invocation(command_line).command.name in command_line


# What containerd, podman's conmon, CRI-O, Docker and buildkit send, one line for each form.
ENGINE_CALLS = [
    "--root /run/c --log /b/log.json --log-format json --systemd-cgroup create --bundle /b --pid-file /b/pid web",
    "--root /run/c --log /b/log.json --log-format json create --bundle /b --pid-file /p --console-socket /s --no-pivot "
    "--no-new-keyring --preserve-fds 2 web",
    "--root /run/c --log /b/l --log-format json start web",
    "--root /run/c --log /b/l --log-format json kill --all web 9",
    "--root /run/c --log /b/l --log-format json delete --force web",
    "--root /run/c --log /b/l --log-format json exec --process /p --detach --pid-file /q --console-socket /s web",
    "--root /run/c --log /b/l --log-format json ps --format json web",
    "--root /run/c list --format=json",
    "--rootless=true --root /run/c state web",
    "--cgroup-manager=disabled --log-format=json --log=/b/l create -b /b --pid-file /p web",
    "--systemd-cgroup exec --pid-file /q --process /p --detach web",
    "exec --process /p web",
    "kill -a web SIGTERM",
    "kill web 15",
    "run --bundle /b --keep --detach=false web",
    "features",
    "--root /run/c update --resources=- web",
    "update --resources=/b/resources.json web",
    "events --stats web",
    "pause web",
    "resume web",
]


@pytest.mark.parametrize("line", ENGINE_CALLS)
def test_the_calls_of_engines_are_accepted(line: str) -> None:
    assert invocation(line).command.name in line.split()


NOT_SUPPORTED = {("runc", ""): {"criu"}, ("crun", "spec"): {"file"}, ("crun", ""): set(), ("crun", "exec"): set()}
PEER_COMMANDS = ["", "spec", "create", "start", "run", "exec", "state", "list", "ps", "kill", "delete", "pause"]
PEER_COMMANDS += ["update", "resume"]


def long_names(help_text: str) -> set[str]:
    """The long options that a help text lists, without those that every program has."""
    names = set()
    for line in (line for line in help_text.splitlines() if line.lstrip().startswith("-")):
        for word in line.split()[:3]:
            if word.startswith("--"):
                names.add(word.strip(",").lstrip("-").partition("[")[0].partition("=")[0])
    return names - {"help", "usage", "version", ""}


@pytest.mark.parametrize("peer", ["runc", "crun"])
@pytest.mark.parametrize("name", PEER_COMMANDS)
def test_every_option_of_a_peer_is_accepted(peer: str, name: str) -> None:
    program = shutil.which(peer)
    if program is None:
        pytest.skip(f"{peer} is not installed")
    argv = [program, *([name] if name else []), "--help"]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    options = load(name)[0].options if name else GLOBAL_OPTIONS
    wanted = long_names(shown.stdout) - NOT_SUPPORTED.get((peer, name), set())
    assert wanted <= {option.long for option in options}


def test_options_after_the_id_are_read() -> None:
    read = invocation("kill web --all KILL")
    assert (read.arguments, read.flag("all")) == (["web", "KILL"], True)
    assert invocation("delete web --force").flag("force")


def test_options_after_the_id_belong_to_the_program_of_exec_and_to_ps() -> None:
    read = invocation("exec -t web ls --detach -- -x")
    assert (read.arguments, read.flag("detach"), read.flag("tty")) == (
        ["web", "ls", "--detach", "--", "-x"],
        False,
        True,
    )
    assert invocation("ps web -ef --help").arguments == ["web", "-ef", "--help"]


@pytest.mark.parametrize("line", ["exec web -- ls -l", "exec -- web -- ls -l", "exec -- web ls -l", "exec web ls -l"])
def test_two_dashes_may_stand_before_the_program_of_exec(line: str) -> None:
    assert invocation(line).arguments == ["web", "ls", "-l"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("exec web", "exec: argument PROGRAM is missing (or describe it with --process FILE)"),
        ("exec web --", "exec: argument PROGRAM is missing (or describe it with --process FILE)"),
        ("exec", "exec: argument CONTAINER is missing (usage: firkin exec [OPTIONS] CONTAINER [PROGRAM] [ARG...])"),
        ("exec -p f web ls", "exec: argument 'ls' contradicts --process, which names the program"),
        ("state", "state: argument CONTAINER is missing (usage: firkin state [OPTIONS] CONTAINER)"),
        ("state a b", "state: unexpected argument 'b' (usage: firkin state [OPTIONS] CONTAINER)"),
        ("list x", "list: unexpected argument 'x' (usage: firkin list [OPTIONS])"),
        ("rnu web", "unknown command 'rnu' (did you mean run?)"),
        ("zzz", "unknown command 'zzz' (firkin help lists the commands)"),
    ],
)
def test_a_wrong_command_line_is_named(line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        invocation(line)
    assert str(caught.value) == message


def test_help_is_found_before_arguments_are_counted() -> None:
    assert invocation("state --help").flag("help")
    assert invocation("exec -h").flag("help")


def test_an_invocation_gives_typed_values_and_defaults() -> None:
    read = invocation("exec -e A=1 -e B=2 -g 5 -g 6 --preserve-fds 3 -u 0:0 -t web ls")
    assert read.container == "web"
    assert read.text("user") == "0:0"
    assert read.text("cwd") == ""
    assert read.texts("env") == ["A=1", "B=2"]
    assert read.texts("cap") == []
    assert read.numbers("additional-gids") == [5, 6]
    assert read.number("preserve-fds") == 3
    assert (read.flag("tty"), read.flag("detach")) == (True, False)
    assert (read.given("user"), read.given("cwd")) == (True, False)
    assert invocation("list").text("format") == "table"
    assert invocation("create web").number("preserve-fds") == 0


def test_an_empty_value_is_given() -> None:
    assert invocation("create --pid-file= web").given("pid-file")


def test_an_option_that_is_not_declared_can_not_be_asked_for() -> None:
    read = invocation("run web")
    for accessor in (read.flag, read.text, read.number, read.texts, read.numbers, read.given):
        with pytest.raises(KeyError):
            accessor("no-such-option")


@pytest.mark.parametrize(
    ("accessor", "name"),
    [
        ("flag", "bundle"),
        ("text", "detach"),
        ("text", "preserve-fds"),
        ("number", "detach"),
        ("number", "bundle"),
        ("texts", "bundle"),
        ("numbers", "bundle"),
        ("numbers", "preserve-fds"),
    ],
)
def test_an_option_of_another_kind_can_not_be_asked_for(accessor: str, name: str) -> None:
    with pytest.raises(TypeError):
        getattr(invocation("run -b /b --preserve-fds 1 -d web"), accessor)(name)


@pytest.mark.parametrize(
    ("line", "manager"),
    [
        ("list", "cgroupfs"),
        ("--systemd-cgroup list", "systemd"),
        ("--systemd-cgroup=false list", "cgroupfs"),
        ("--cgroup-manager disabled list", "disabled"),
        ("--cgroup-manager=systemd --systemd-cgroup list", "systemd"),
    ],
)
def test_the_cgroup_manager_comes_from_either_option(line: str, manager: str) -> None:
    assert invocation(line).cgroup_manager == manager


def test_global_options_have_their_own_accessors() -> None:
    assert (invocation("list").rootless, invocation("list").debug) == ("auto", False)
    assert (invocation("--rootless=false list").rootless, invocation("--debug list").debug) == ("false", True)


def test_the_root_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert invocation("--root state list").root == f"{os.fspath(tmp_path)}/state"
    assert invocation("--root /x/../y list").root == "/y"


def test_the_root_of_a_user_without_privileges_is_in_the_runtime_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    assert invocation("list").root == "/run/user/1000/firkin"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert invocation("list").root == "/run/firkin"


@pytest.mark.skipif(os.geteuid() != 0, reason="a user namespace is mapped by root here")
def test_the_root_of_roots_in_and_out_of_a_user_namespace_differ() -> None:
    code = "from firkin.runtime.cli.commands import *; print(interpret(load('list')[0], [], {}).root)"
    path = os.path.dirname(os.path.dirname(firkin.__file__))
    program = ["python3", "-I", "-S", "-c", f"import sys; sys.path.insert(0, {path!r}); {code}"]
    environment = {"XDG_RUNTIME_DIR": "/run/user/0", "PATH": os.environ["PATH"]}

    def root(*prefix: str) -> str:
        return subprocess.check_output([*prefix, *program], env=environment, text=True, timeout=60).strip()

    with open("/proc/self/uid_map", encoding="ascii") as id_map:
        initial = id_map.read().split() == ["0", "0", "4294967295"]
    if initial:
        assert root() == "/run/firkin"
    if subprocess.run(["unshare", "-Ur", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("user namespaces are not allowed here")
    assert root("unshare", "-Ur") == "/run/user/0/firkin"
