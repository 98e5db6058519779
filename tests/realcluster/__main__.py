"""python -m tests.realcluster: build, start and end the real test cluster from a shell.

Exit codes: 0 done (status: it is up), 1 it failed or is not up, 2 wrong usage, 3 this machine cannot run it.
"""

import argparse
import sys
import time
from collections.abc import Callable

from tests.realcluster import build, cluster, faults, machine
from tests.realcluster.place import CannotRun, HarnessError, place

_COMMANDS = {
    "build": "build the programs into the cache (about 10 minutes the first time; --argo: Argo, 5)",
    "up": "start the cluster; builds first if needed, does nothing when it is up",
    "down": "end the cluster and remove what it left, the build cache excepted",
    "status": "say what runs",
    "kill": "end one component as a crash would, as in: kill kube-apiserver",
    "start": "start a component that was killed, and wait until it is ready",
    "kubeconfig": "print the path of a kubeconfig that works on this machine",
    "argo": "start Argo Workflows in the cluster that is up; does nothing when it runs",
    "kueue": "start Kueue in the cluster that is up; does nothing when it runs",
    "host": "start a second host in the cluster that is up, to be lost; does nothing when it runs",
    "exec": "run a command inside the cluster's network, as in: exec -- kubectl get nodes",
    "install": "install the Debian packages that are missing",
}


def main() -> int:
    """Run one command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.realcluster", description="A real one-node test cluster.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, words in _COMMANDS.items():
        command = commands.add_parser(name, help=words)
        if name in ("kill", "start"):
            command.add_argument("component", metavar="NAME", help="a name that `status` shows")
        if name == "build":
            command.add_argument("--argo", action="store_true", help="Argo Workflows, which only its tests need")
        if name == "argo":
            command.add_argument("--poll", default="1s", help="how often resource templates look (default: 1s)")
        if name == "exec":
            command.add_argument("argv", nargs="+", metavar="CMD", help="the command, after --")
    arguments = parser.parse_args()
    try:
        return _run(arguments)
    except CannotRun as reason:
        print(f"cannot run: {reason}", file=sys.stderr)
        return 3
    except PermissionError as reason:
        print(f"cannot run: root is needed: {reason}", file=sys.stderr)
        return 3
    except HarnessError as reason:
        print(reason, file=sys.stderr)
        return 1


def _run(arguments: argparse.Namespace) -> int:
    here, say = place(), _clock()
    match arguments.command:
        case "build":
            print(build.build_optional(build.ARGO, say=say) if arguments.argo else build.build(say=say))
        case "up":
            cluster.up(here, say=say)
        case "down":
            cluster.down(here, say=say)
        case "status":
            print(cluster.status(here))
            return 0 if cluster.is_up(here) else 1
        case "kill":
            faults.kill(here, arguments.component)
        case "start":
            faults.start(here, arguments.component)
        case "kubeconfig":
            print(cluster.kubeconfig(here))
        case "argo":
            cluster.add_argo(here, poll=arguments.poll, say=say)
        case "kueue":
            cluster.add_kueue(here, say=say)
        case "host":
            cluster.second_host(here, say=say).start()
        case "exec":
            cluster.replace_by_inner_command(here, argv=arguments.argv)
        case "install":
            say("installed: " + (" ".join(machine.install()) or "nothing, all packages are there"))
    return 0


def _clock() -> Callable[[str], None]:
    began = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {words}", file=sys.stderr, flush=True)

    return say


if __name__ == "__main__":
    sys.exit(main())
