"""`python -m tests.soak --minutes 30`: exit code 1 if anything was lost, doubled or left; its directory stays then."""

import argparse
import secrets
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.soak.soak import soak


def main() -> int:
    """Run a soak and say how it went, on stdout."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="for how long new nodes are started (30)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of an earlier run's choices")
    parser.add_argument("--at-once", type=int, default=4, help="how many nodes live at the same time (4)")
    given = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="dagset-soak-"))
    say = partial(print, flush=True)
    problems = soak(base / "soak", seed=given.seed, minutes=given.minutes, at_once=given.at_once, say=say)
    if not problems:
        shutil.rmtree(base)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
