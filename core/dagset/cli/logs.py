"""`dagset logs`: the lines of all pods of a node, now or as they come."""

from typing import TYPE_CHECKING, Any

import click

from dagset import constants
from dagset.cli.find import target_of
from dagset.cli.options import connect, in_cluster, name_or_node_argument
from dagset.cli.screen import Screen
from dagset.errors import ClusterRefused

if TYPE_CHECKING:
    from dagset.cluster.protocol import Cluster
    from dagset.model import Ref

__all__ = ["logs"]


@click.command(short_help="Print the lines of all pods of a node.")
@name_or_node_argument
@in_cluster
@click.option("-f", "--follow", is_flag=True, help="Go on until the node has ended; lines come as they are written.")
@click.pass_context
def logs(ctx: click.Context, *, name_or_node: str, cluster: str | None, namespace: str | None, follow: bool) -> None:
    """Print the lines of all pods of NAME, or of the newest run of NODE, each behind its role and index.

    Without -f: pod after pod, as much as is there. `worker[3]#1` is the second run of worker[3]. What a pod wrote is
    gone with the pod: a restart of a gang deletes its pods, `dagset run` shows their lines as they come. On a terminal
    control characters are taken out; in a file or a pipe lines are as the pods wrote them.

    \b
    Exit codes:
      0    there were pods to read; with -f: the node has ended, however it did
      1    there is no such node, or no pod of it has started
      125  no cluster answers

    \b
    Example:
      dagset logs train-3f9a0c21 -f | grep loss
    """
    from dagset.run.owners import ref_of

    target = target_of(name_or_node)
    opened = connect(cluster, namespace=namespace)
    owner = target.find_or_exit(cluster=opened, namespace=opened.namespace)
    screen = Screen(as_json=False)
    if follow:
        _follow(ref_of(owner), opened, screen)
    elif not _print(owner, opened, screen):
        ctx.exit(1)


def _follow(ref: "Ref", cluster: "Cluster", screen: Screen) -> None:
    from dagset.run.follow import Stop, Stopped, follow
    from dagset.run.logs import LogStream

    nobody_reads = Stop()

    def show(prefix: str, line: str) -> None:
        screen.pod_line(prefix, line)
        if screen.stdout_closed:
            nobody_reads.set()

    stream = LogStream(cluster, ref=ref, sink=show)
    try:
        follow(ref, cluster=cluster, on_trouble=screen.progress, logs=stream, stop=nobody_reads, hold=False)
    except Stopped:
        return
    for prefix, why in stream.finish().items():
        screen.say(f"lines of {prefix} are missing: {why}")


def _print(owner: dict[str, Any], cluster: "Cluster", screen: Screen) -> bool:
    """Print pod after pod; False when there are no pods (any more)."""
    from dagset.run.lines import Seen, has_started, prefix_of
    from dagset.run.owners import ref_of

    namespace = owner["metadata"]["namespace"]
    labels = {key: owner["metadata"]["labels"][key] for key in (constants.IDENTITY, constants.GENERATION)}
    pods = sorted(cluster.list("Pod", namespace=namespace, labels=labels).items, key=_place)
    for pod in filter(has_started, pods):
        try:
            seen = Seen()
            for line in seen.fresh(cluster.logs(namespace=namespace, pod=pod["metadata"]["name"], follow=False)):
                screen.pod_line(prefix_of(pod), line)
                if screen.stdout_closed:
                    return True
            why = seen.notice
        except ClusterRefused as error:
            why = str(error)
        if why:
            screen.say(f"lines of {prefix_of(pod)} are missing: {why}")
    if not any(map(has_started, pods)):
        screen.say(
            f"{ref_of(owner)} has no lines: " + ("no pod has started yet" if pods else "it has no pods (any more)")
        )
    return any(map(has_started, pods))


def _place(pod: dict[str, Any]) -> tuple[str, int, str]:
    labels = pod["metadata"].get("labels") or {}
    index = labels.get(constants.COMPLETION_INDEX, "0")
    return labels.get(constants.ROLE, ""), int(index) if index.isdecimal() else 0, pod["metadata"]["name"]
