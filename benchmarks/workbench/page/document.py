"""The whole page, and the parts that all pages have: figures with the numbers behind them, tables, verdicts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence

from firkin.errors import KernelError
from firkin.workbench.page.markup import Child, Markup, element, joined
from firkin.workbench.page.style import STYLE

__all__ = ["drawing", "facts", "figure", "mark", "page", "table", "what_if", "write_page"]

# Nothing may be loaded or run, even if something hostile came through.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_MARKS = {"good": ("✓", "as predicted"), "bad": ("✗", "not as predicted"), "unsure": ("?", "undecided"),
          "left": ("·", "left out")}  # fmt: skip


def page(title: str, *body: Child) -> Markup:
    """A page that needs nothing but itself."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        Markup(f"<style>{STYLE}</style>"),
    )
    return Markup("<!DOCTYPE html>\n" + element("html", head, element("body", *body), lang="en") + "\n")


def write_page(path: str, content: Markup) -> None:
    """Write the page, all or nothing. Raises KernelError."""
    folder = os.path.dirname(path) or "."
    try:
        with tempfile.NamedTemporaryFile("w", dir=folder, encoding="utf-8", delete=False) as file:
            try:
                file.write(content)
                file.close()
                os.chmod(file.name, 0o644)
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise KernelError(f"write {path}", error.errno or 0) from error


def mark(verdict: str) -> Markup:
    """The mark of a verdict: good, bad, unsure or left."""
    sign, meaning = _MARKS[verdict]
    return element("span", sign, class_=f"mark {verdict}", role="img", aria_label=meaning, title=meaning)


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Small facts, each with what it is about."""
    return element("ul", *(element("li", element("b", name), value) for name, value in pairs), class_="facts")


def what_if(changes: Iterable[str]) -> Iterator[Markup]:
    """A list of what was changed, if anything was."""
    items = [element("li", element("code", change)) for change in changes]
    if items:
        yield joined(element("h3", "What if"), element("ul", *items))


def drawing(width: float, height: float, title: str, description: str, *marks: Child) -> Markup:
    """An SVG with what it is for those who do not see it."""
    return element(
        "svg", element("title", title), element("desc", description), *marks, viewBox=f"0 0 {width:g} {height:g}",
        role="img", aria_label=f"{title}. {description}", xmlns="http://www.w3.org/2000/svg",
    )  # fmt: skip


def figure(caption: str, remark: str, picture: Markup, numbers: Markup | None = None) -> Markup:
    """A picture with its caption, and the table of what it shows."""
    heading = element("figcaption", caption, element("span", f" {remark}") if remark else "")
    below = element("details", element("summary", "The numbers"), numbers) if numbers else ""
    return element("figure", heading, element("div", picture, class_="scroll"), below)


def table(
    heading: Sequence[str], rows: Iterable[Sequence[Child]], *, words: Iterable[int] = (), kind: str = ""
) -> Markup:
    """A table whose first column names the row; `words` are the columns that are no numbers."""
    texts = set(words)

    def cell(number: int, content: Child) -> Markup:
        if number == 0:
            return element("th", content, scope="row")
        return element("td", content, class_="words" if number in texts else None)

    head = [
        element("th", name, scope="col", class_="words" if at in texts else None) for at, name in enumerate(heading)
    ]
    lines = [element("tr", *(cell(number, content) for number, content in enumerate(row))) for row in rows]
    whole = element(
        "table", element("thead", element("tr", *head)), element("tbody", joined(*lines)), class_=kind or None
    )
    return element("div", whole, class_="table", tabindex="0", role="region", aria_label=", ".join(heading))
