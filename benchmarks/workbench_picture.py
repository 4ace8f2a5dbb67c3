"""The picture of a report for docs/: what a browser shows of a run, at the top and of one experiment.

    python -P benchmarks/workbench_picture.py RESULT.json docs/workbench.png [--height N]

The result is that of a real run, as `firkin bench models --quick --json` writes it; where the host has no controllers
of cgroup v2, in the guest, by `python -m tests.vm -- COMMAND`. Needs Chromium.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

# At the end: the folder firkin/ must not hide the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from firkin.workbench.page.document import write_page
from firkin.workbench.report.page import result_page
from firkin.workbench.report.result import read_result
from tests.support.browser import browser

_WIDTH = 960


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("result")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--height", type=int, default=1400)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        page = Path(directory) / "page.html"
        write_page(str(page), result_page(read_result(options.result)))
        with browser(Path(directory) / "browser") as tab:
            tab.size(_WIDTH, options.height)
            tab.scheme("light")
            tab.open(page)
            options.picture.write_bytes(tab.picture())


if __name__ == "__main__":
    main()
