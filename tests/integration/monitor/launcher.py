"""A launcher to be killed: python launcher.py PLAN DIRECTORY LOG.

It writes a line when the container has started, and stays until its standard input ends.
"""

from __future__ import annotations

import os
import sys

from firkin.runtime.monitor.launch import Launcher, Order


def main(plan: str, directory: str, log: str) -> None:
    """Start the container of the plan in a file."""
    with open(plan, "rb") as file:
        text = file.read()
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with Launcher() as launcher:
        launcher.start(text, fd, Order(log=log)).finish()
        print("started", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
