"""What is printed has the form that kubectl's has."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.errors import UsageError
from firkin.kubelet.client.describe.writer import Writer
from firkin.kubelet.client.jsonpath import render
from firkin.kubelet.client.output import check_output, formatted, tabulate
from firkin.kubelet.client.resources import choose, path_of, shown_name

VALUE = {
    "kind": "List",
    "items": [
        {"name": "a", "labels": {"app.x/y": "1"}, "ports": [1, 2, 3], "ready": True},
        {"name": "b", "labels": {}, "ports": [], "ready": False},
    ],
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{.kind}", "List"),
        ("{$.kind}", "List"),
        ("kind: {.kind}!", "kind: List!"),
        ("{.items[*].name}", "a b"),
        ("{.items[-1].name}", "b"),
        ("{.items[0].ports[0:2]}", "1 2"),
        ("{.items[0].ports[::2]}", "1 3"),
        ("{.items[9].name}", ""),
        ("{.items[0].labels.app\\.x/y}", "1"),
        ("{.items[0].labels['app.x/y']}", "1"),
        ("{..name}", "a b"),
        ('{.items[?(@.name=="b")].ready}', "false"),
        ("{.items[?(@.ports[0]>=1)].name}", "a"),
        ("{.items[?(@.ready==true)].name}", "a"),
        ("{.items[0].ports}", "[1,2,3]"),
        ('{range .items[*]}{.name}{"\\t"}{.ready}{"\\n"}{end}', "a\ttrue\nb\tfalse\n"),
        ("{range .items[*]}{range .ports[*]}{@},{end};{end}", "1,2,3,;;"),
        ("{range .none[*]}{.x}{end}.", "."),
    ],
)
def test_jsonpath(template: str, text: str) -> None:
    assert render(template, VALUE) == text


@pytest.mark.parametrize("template", ["{.a", "{range .a}x", "{end}", "{.a[}", "{.items[?(a b)]}"])
def test_what_is_no_jsonpath_is_refused(template: str) -> None:
    with pytest.raises(UsageError, match="jsonpath"):
        render(template, VALUE)


def test_tables_keep_their_widths() -> None:
    widths: list[int] = []
    assert tabulate([["NAME", "AGE"], ["web", "5s"]], widths) == "NAME   AGE\nweb    5s\n"
    assert tabulate([["b", "1m"]], widths) == "b      1m\n"
    assert tabulate([]) == ""


def test_objects_are_printed_in_every_form() -> None:
    value: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "text": "a\nb\n"}
    assert formatted("name", value) == "deployment.apps/d\n"
    assert formatted("yaml", value).endswith("text: |\n  a\n  b\n")
    assert formatted("json", value).startswith('{\n    "apiVersion": "apps/v1",\n')
    assert formatted("jsonpath={.metadata.name}", value) == "d"
    check_output("wide")
    with pytest.raises(UsageError, match="unable to match a printer suitable for the output format 'toml'"):
        check_output("toml")


def test_columns_are_aligned_where_lines_follow_each_other() -> None:
    out = Writer()
    out.line(0, "Name:", "x")
    out.mapping(0, "Labels:", {"a": "1", "b": "2"})
    out.line(0, "Title:")
    out.line(1, "A:", "1", "long")
    out.line(1, "Longer:", "22", "z")
    out.texts(0, "None:", [])
    assert out.text().splitlines() == [
        "Name:    x",
        "Labels:  a=1",
        "         b=2",
        "Title:",
        "  A:       1   long",
        "  Longer:  22  z",
        "None:      <none>",
    ]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["po", "a", "b"], ["pod/a", "pod/b"]),
        (["Deployments.apps/d", "cm/c"], ["deployment.apps/d", "configmap/c"]),
        (["po,cj"], ["pod/", "cronjob.batch/"]),
        (["all"], ["pod/", "daemonset.apps/", "deployment.apps/", "replicaset.apps/", "cronjob.batch/", "job.batch/"]),
    ],
)
def test_words_mean_objects(words: list[str], names: list[str]) -> None:
    assert [shown_name(one.kind, one.name) for one in choose(words)] == names


@pytest.mark.parametrize("words", [["services"], ["pod/a", "b"], ["pod/"], ["all/x"], ["po,cm", "a"], [","]])
def test_words_that_mean_nothing_are_refused(words: list[str]) -> None:
    with pytest.raises(UsageError):
        choose(words)


def test_paths() -> None:
    ((pod, _),) = choose(["po"])
    ((node, _),) = choose(["no"])
    ((job, _),) = choose(["jobs.batch"])
    assert path_of(pod, "x", "a") == "/api/v1/namespaces/x/pods/a"
    assert path_of(node, "x", "a") == "/api/v1/nodes/a"
    assert path_of(job, "") == "/apis/batch/v1/jobs"
