"""`python -m dagset.local --state DIR`: be the daemon of a local cluster."""

import argparse
import sys
from pathlib import Path

from dagset.local.errors import DiskRefused, LocalClusterFailed
from dagset.local.state import StateDir


def main() -> int:
    """Serve until told to stop; 1 with a sentence on stderr when the directory cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m dagset.local", description="Serve a local cluster.")
    parser.add_argument("--state", type=Path, required=True, help="the state directory")
    state = StateDir(parser.parse_args().state.absolute())

    from dagset.local.daemon import run_daemon
    from dagset.local.manager import Manager

    try:
        run_daemon(state, managing=lambda store, path: Manager(store, path).run())
    except LocalClusterFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (OSError, DiskRefused) as error:
        sys.stderr.write(f"the state directory {state.path} cannot be used: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
