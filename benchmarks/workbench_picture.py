"""The pictures of pages of the workbench in docs/: what a browser shows of them, from the top.

    firkin bench report RUN.json -o run.html
    python -P benchmarks/workbench_picture.py run.html docs/workbench.png [--height N]

docs/workbench.png shows a real run of some experiments, in the guest where the host has no controllers of cgroup v2
(`python -m tests.vm`): `firkin bench models latecomer weights quota-latency memory-high nested-weights oom --json`.
docs/workbench-day.png is `firkin bench predict examples/tree.yaml --trace examples/day.csv --html day.html`.
Needs Chromium.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

# At the end: the folder firkin/ must not hide the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from tests.support.browser import browser

_WIDTH = 1040


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--height", type=int, default=1300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory, browser(Path(directory)) as tab:
        tab.size(_WIDTH, options.height)
        tab.scheme("light")
        tab.open(options.page.resolve())
        options.picture.write_bytes(tab.picture())


if __name__ == "__main__":
    main()
