"""The CRI server killed at random: `make test-faults`.

    python -P tests/faults.py [--kills N] [--seed TEXT] [--first SLICE] [--slice N]

A run has slices, each of which begins and ends with nothing there. The moments of the kills and what clients want
follow from the seed, which is printed; when exactly a call is hit follows from the machine. A run that was cut, or has
failed, is resumed with its seed and the number of the slice.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

# At the end: the folder firkin/ must not hide the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from tests.support.fault_run import run_in
from tests.support.netns import world


def main() -> int:
    """Run, and say how it goes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--first", type=int, default=1, metavar="SLICE", help="begin with this slice")
    parser.add_argument("--slice", type=int, default=50, metavar="N", help="kills of a slice")
    options = parser.parse_args()
    slices = -(-options.kills // options.slice)
    print(f"seed {options.seed}, {slices} slices of {options.slice} kills", flush=True)
    with tempfile.TemporaryDirectory() as directory, world(Path(directory)), run_in(Path(directory)) as run:
        for number in range(options.first, slices + 1):
            begin = time.monotonic()
            try:
                done = run.slice(f"{options.seed} {number}", options.slice)
            except BaseException:
                print(f"slice {number} fails; again: --seed {options.seed} --first {number}", flush=True)
                raise
            print(f"slice {number}: {done}, {time.monotonic() - begin:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
