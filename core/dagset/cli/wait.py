"""`dagset wait`: follow a node that runs already to its end, without owning it."""

import threading
from typing import TYPE_CHECKING, Any

import click

from dagset.cli.find import target_of
from dagset.cli.options import connect, in_cluster, json_lines_or_text, name_or_node_argument
from dagset.cli.progress import summary
from dagset.cli.screen import Screen
from dagset.cli.showing import Form, Show, form_of, plain_option, showing

if TYPE_CHECKING:
    from dagset.cluster.protocol import Cluster
    from dagset.observe import Outcome

__all__ = ["look_on", "wait"]

EXIT_GAVE_UP = 124


@click.command(short_help="Wait for the end of a node that was submitted; exit with its exit code.")
@name_or_node_argument
@in_cluster
@json_lines_or_text
@click.option("--timeout", metavar="DURATION", help="Give up after so long (90s, 2h); the node runs on.")
@plain_option
@click.pass_context
def wait(
    ctx: click.Context,
    *,
    name_or_node: str,
    cluster: str | None,
    namespace: str | None,
    output: str,
    timeout: str | None,
    plain: bool,
) -> None:
    """Follow NAME, or the newest run of NODE, to its end, and exit with its exit code as `dagset run` does.

    Holds the node to its limits, as every follower does. Ctrl-C stops the waiting only; nothing is deleted at the end,
    whatever `keep` says. A node that has ended already is told at once. The events of -o jsonl are
    those of `dagset run`.

    \b
    Exit codes:
      the node's own, as of `dagset run`
      1    there is no such node (see stderr: a pod may end with 1 as well)
      124  it had not ended within --timeout
      130  interrupted; the node runs on

    \b
    Example:
      dagset wait node.yaml --timeout 2h -o json | jq -r .reason
    """
    import msgspec

    from dagset.observe import exit_code
    from dagset.run.follow import Stopped

    limit_s = _seconds(timeout)
    target = target_of(name_or_node)
    opened = connect(cluster, namespace=namespace)
    owner = target.find_or_exit(cluster=opened, namespace=opened.namespace)
    screen = Screen(as_json=output != "text")
    form = form_of(output, plain=plain, quiet=False, writes_stdout=False)
    try:
        outcome = look_on(owner, cluster=opened, screen=screen, form=form, timeout_s=limit_s, hold=True)
    except Stopped:
        screen.say(f"it has not ended within {timeout}; it runs on")
        ctx.exit(EXIT_GAVE_UP)
    screen.say(summary(outcome, elapsed_s=None, with_lines=True))
    if output == "json":
        screen.result(msgspec.json.encode(outcome).decode())
    ctx.exit(exit_code(outcome))


def look_on(
    owner: dict[str, Any],
    *,
    cluster: "Cluster",
    screen: Screen,
    form: Form,
    hold: bool,
    timeout_s: float | None = None,
) -> "Outcome":
    """Follow to the end and show how it goes; an interrupt leaves the node alone.

    Raises:
        Stopped: the time is over.
    """
    from dagset.run.follow import Stop, follow
    from dagset.run.limits import limits_of
    from dagset.run.logs import LogStream
    from dagset.run.owners import ref_of

    ref = ref_of(owner)
    show = Show(screen, ref, cluster=cluster, form=form, limits=limits_of(owner))
    logs = LogStream(cluster, ref=ref, sink=show.last_line) if form == "picture" else None
    stop = Stop()
    timer = None if timeout_s is None else threading.Timer(timeout_s, stop.set)
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        with showing(show):
            outcome = follow(
                ref,
                cluster=cluster,
                on_sight=show.sight,
                on_change=show.change,
                on_trouble=show.trouble,
                logs=logs,
                stop=None if timer is None else stop,
                hold=hold,
            )
    except KeyboardInterrupt:
        screen.say(f"not waiting any longer; {ref} runs on")
        raise
    finally:
        show.stop()
        if timer is not None:
            timer.cancel()
    show.end(outcome)
    return outcome


def _seconds(text: str | None) -> float | None:
    from dagset.errors import InvalidNode
    from dagset.model.duration import parse_duration_s

    try:
        return None if text is None else parse_duration_s(text)
    except InvalidNode as error:
        raise click.BadParameter(str(error), param_hint="--timeout") from error
