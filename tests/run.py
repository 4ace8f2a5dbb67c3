"""Runs every test of firkin, each where it can run: `make test`, or `.venv/bin/python tests/run.py --help`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # The folder of a script is the first place of imports: the tree's root takes its place.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from tests.suite.main import main

    sys.exit(main(sys.argv[1:]))
