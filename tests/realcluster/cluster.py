"""Start, describe and end the cluster of one place."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.realcluster import argo, build, cgroups, config, hosts, images, inside, kueue, machine
from tests.realcluster.components import health_addresses, host_health_addresses
from tests.realcluster.place import SECOND, HarnessError, Place
from tests.realcluster.start import Start

Say = Callable[[str], None]

_OURS = ".dagset-realcluster"  # marks a state directory, so that nobody's home is ever taken for one and emptied


def up(place: Place, *, say: Say) -> None:
    """A cluster that has proven to work; started now unless it runs.

    Whatever an earlier one left behind (it was killed, or one of its programs was) is removed first. One that fails to
    start is ended at once; its logs stay.

    Raises:
        CannotRun: this machine lacks something.
        HarnessError: a component failed or took too long; the text ends with the tail of its log.
    """
    machine.require(machine.look_at_machine(built=build.find_built() is not None))
    programs = build.build(say=say)
    archive = images.archive()
    with _alone(place):
        if is_up(place):
            say(f"already up: kubeconfig {place.kubeconfig}")
            return
        if inside.ours(place) or _files(place):
            say("removing what an earlier cluster left")
        _remove(place)
        try:
            Start(place, programs=programs, say=say).run(archive)
        except OSError as error:
            _end(place)
            raise HarnessError(f"the cluster did not start: {error}; its logs are in {place.state}/log.") from error
        except BaseException:
            _end(place)
            raise


def down(place: Place, *, say: Say) -> None:
    """End the cluster and remove all of it; fine when there is none."""
    if not (place.state.exists() or inside.ours(place) or cgroups.leftovers(place)):
        say("nothing to take down")
        return
    with _alone(place):
        _remove(place)
        (place.state / _OURS).unlink()
        place.state.rmdir()
    say("down")


def add_kueue(place: Place, *, say: Say) -> None:
    """Kueue in the cluster of this place, which is up; nothing when it runs there already.

    Raises:
        HarnessError: no cluster is up, or Kueue failed or took too long.
    """
    programs = build.build(say=say)
    with _alone(place):
        _must_be_up(place)
        if kueue.NAME in _programs(place):
            say("kueue is there already")
            return
        (place.state / "kueue.json").write_text(json.dumps(config.kueue(place)))
        kueue.add(place, programs=programs, port=int(place.up_mark.read_text()), say=say)


def add_argo(place: Place, *, poll: str, say: Say) -> None:
    """Argo Workflows in the cluster of this place, which is up; only configured anew when it runs there already.

    Raises:
        CannotRun: Argo cannot be built here.
        HarnessError: no cluster is up, or Argo failed or took too long.
    """
    programs, built = build.build(say=say), build.build_optional(build.ARGO, say=say)
    with _alone(place):
        _must_be_up(place)
        port = int(place.up_mark.read_text())
        if argo.NAME in _programs(place):
            say("argo is there already")
            argo.renew(place, programs=programs, argo=built, port=port, poll=poll)
            return
        argo.add(place, programs=programs, argo=built, port=port, poll=poll, say=say)


def second_host(place: Place, *, say: Say) -> hosts.SecondHost:
    """The second host of a cluster that is up; its `start` starts it.

    Raises:
        HarnessError: no cluster is up.
    """
    programs = build.build(say=say)
    _must_be_up(place)
    port = int(place.up_mark.read_text())
    return hosts.SecondHost(place, programs=programs, archive=images.archive(), port=port)


def is_up(place: Place) -> bool:
    """Was it proven to work, do its programs still run (the second host's apart), and does the API server answer?"""
    programs = {name: program for name, program in _programs(place).items() if name not in hosts.PROGRAMS}
    return bool(programs) and all(program["exit"] is None for program in programs.values()) and _relay_answers(place)


def status(place: Place) -> str:
    """What runs, in words: one line for each component with its pid on this machine."""
    first = inside.first_process(place)
    if first is None:
        return f"down: nothing runs for {place.state}"
    programs, pids = _programs(place), inside.outer_pids(first)
    ready = {"relay": _relay_answers(place)} | {
        name: inside.answers_inside(first, url) for name, url in health_addresses(place).items()
    }
    words = "up" if is_up(place) else "not up"
    second = host_health_addresses(place, host=SECOND) if programs.keys() & set(hosts.PROGRAMS) else {}
    ready |= {name: inside.answers_inside(first, url) for name, url in second.items()}
    return "\n".join(
        [
            f"{words}: process 1 is pid {first}, kubeconfig {place.kubeconfig}",
            *(f"  {name:24}{_describe(programs.get(name), ready=ready[name], pids=pids)}" for name in ready),
        ]
    )


def kubeconfig(place: Place) -> Path:
    """Path of the kubeconfig for clients on this machine.

    Raises:
        HarnessError: the cluster is not up.
    """
    _must_be_up(place)
    return place.kubeconfig


def replace_by_inner_command(place: Place, *, argv: list[str]) -> None:
    """Become this command, inside the cluster's network, with its kubectl and kubeconfig at hand; does not return."""
    _must_be_up(place)
    os.environ["KUBECONFIG"] = str(place.inner_kubeconfig)
    if programs := build.find_built():
        os.environ["PATH"] = f"{programs}/bin:{os.environ['PATH']}"
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and the command would inherit that
    network = f"--net=/proc/{inside.first_process(place)}/ns/net"
    os.execvp("nsenter", ["nsenter", network, "--", *argv])


def _describe(program: dict | None, *, ready: bool, pids: dict[int, int]) -> str:
    if program is None:
        return "not started"
    if program["exit"] is not None:
        return f"ended with exit code {program['exit']}"
    pid = pids.get(program["pid"], 0)
    return f"pid {pid:<8}{'ready' if ready else 'not ready':12}{inside.resident_mib(pid):5.0f} MiB"


def _relay_answers(place: Place) -> bool:
    try:
        port = int(place.up_mark.read_text())
    except FileNotFoundError:
        return False
    # A server that is slow because everybody works is not down: `up` would end it and start anew.
    return inside.answers(f"https://127.0.0.1:{port}/readyz", timeout_s=20)


def _must_be_up(place: Place) -> None:
    if not is_up(place):
        raise HarnessError(f"no cluster is up for {place.state}: run `python -m tests.realcluster up`.")


def _programs(place: Place) -> dict[str, dict]:
    try:
        return inside.ask(place, status=True)
    except OSError:
        return {}


def _remove(place: Place) -> None:
    """All but the state directory, which is the lock, and the mark in it."""
    files = _files(place)
    if files and not (place.state / _OURS).exists():
        raise HarnessError(f"{place.state} has files in it that are no cluster's: name an empty or a new directory.")
    _end(place)
    (place.state / _OURS).touch()
    for path in files:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _files(place: Place) -> list[Path]:
    return [path for path in place.state.iterdir() if path.name != _OURS]


def _end(place: Place) -> None:
    inside.end(place)
    cgroups.remove(place)


@contextlib.contextmanager
def _alone(place: Place) -> Iterator[None]:
    """Hold the state directory, made if needed, against any other `up` and `down`."""
    while True:
        place.state.mkdir(parents=True, exist_ok=True)
        directory = os.open(place.state, os.O_RDONLY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            if _is_still(directory, place.state):
                yield
                return
        finally:
            os.close(directory)


def _is_still(directory: int, path: Path) -> bool:
    """Not so when a `down` removed it while we waited for the lock."""
    try:
        return os.path.samestat(os.fstat(directory), path.stat())
    except FileNotFoundError:
        return False
