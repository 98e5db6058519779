"""`dagset report`: a node as one HTML file."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dagset.cli.find import target_of
from dagset.cli.options import connect, in_cluster

if TYPE_CHECKING:
    from dagset.cli.recorder import Recorder
    from dagset.cluster.protocol import Cluster
    from dagset.model import Ref
    from dagset.observe import Observation
    from dagset.report import Material, Tail
    from dagset.report.tracks import Track

__all__ = ["report"]

TALKING = 20  # pods whose lines are read when nobody has followed
EXTRA = "dagset report needs jinja2, which is not installed: pip install 'dagset[report]'"


@click.command(short_help="Write a node as one HTML file: timeline, failure, last lines.")
@click.argument("name_or_node", metavar="NAME|NODE")
@in_cluster
@click.option("-o", "--output", metavar="FILE", help="Where to write it (default: <name>.html; -: stdout).")
@click.option(
    "-f", "--follow", is_flag=True, help="First follow it to its end: so earlier attempts of a gang are in it too."
)
def report(name_or_node: str, cluster: str | None, namespace: str | None, output: str | None, follow: bool) -> None:
    """Write NAME, or the newest run of NODE, as one HTML file that needs no network: how it stands or ended, when which
    pod ran, what failed and its last lines, limits, the object.

    What a restart has deleted before this command looked is not in it; with --follow it looks all the time. Values of
    variables are left out.
    """
    from dagset.report import as_html, can_be_made, view_of
    from dagset.run.owners import ref_of

    if not can_be_made():  # said before a node is followed for hours
        raise click.ClickException(EXTRA)
    target = target_of(name_or_node)
    opened = connect(cluster, namespace=namespace)
    ref = ref_of(target.find_or_exit(cluster=opened, namespace=opened.namespace))
    material = _followed(ref, opened) if follow else _looked_at(ref, opened)
    _write(as_html(view_of(material)), output or f"{ref.name}.html")


def _write(page: str, output: str) -> None:
    if output == "-":
        return click.echo(page, nl=False)
    try:
        Path(output).write_text(page, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}; choose another by -o") from error
    return click.echo(f"{output} written", err=True)


def _looked_at(ref: "Ref", cluster: "Cluster") -> "Material":
    """Return what there is right now, with the lines of those pods that matter most."""
    from dagset.cli.recorder import Recorder
    from dagset.run.follow import look
    from dagset.run.owners import identity_labels
    from dagset.run.relist import relist

    recorder = Recorder(cluster, ref=ref, reads=False)
    seen = look(ref, cluster=cluster)
    seen = relist(seen, ref, cluster, labels=identity_labels(dict(seen.owner)), logs=recorder)
    for uid in sorted(recorder.pods, key=partial(_worth, recorder.tracks))[:TALKING]:
        recorder.read(uid)
    return _material(seen, recorder, cluster)


def _worth(tracks: "dict[str, Track]", uid: str) -> tuple[bool, int, float, int]:
    """Return an order: what failed, of the latest attempt the first of it first; then the lowest indexes."""
    track = tracks[uid]
    has_failed = track.end == "failed"
    return not has_failed, -track.attempt, (track.ended_at or 0.0) if has_failed else 0.0, track.index


def _followed(ref: "Ref", cluster: "Cluster") -> "Material":
    """Return what was seen from now to the node's end."""
    from dagset.cli.recorder import Recorder
    from dagset.run.follow import follow

    recorder = Recorder(cluster, ref=ref, reads=True)
    sights: list[Observation] = []

    def remember(seen: "Observation", _phase: object) -> None:
        sights[:] = [seen]

    follow(
        ref, cluster=cluster, on_change=remember, on_trouble=partial(click.echo, err=True), logs=recorder, hold=False
    )
    return _material(sights[0], recorder, cluster)


def _material(seen: "Observation", recorder: "Recorder", cluster: "Cluster") -> "Material":
    from dagset.report import Material

    lost = recorder.finish(patience_s=0.5)
    tails = sorted(_tails(recorder, lost), key=lambda pair: pair[0])
    return Material(seen, list(recorder.tracks.values()), cluster.now(), [tail for _, tail in tails])


def _tails(recorder: "Recorder", lost: dict[str, str]) -> "list[tuple[tuple[bool, int, float, int], Tail]]":
    from dagset.report import Tail

    found = []
    for uid, track in recorder.tracks.items():
        if track.title in recorder.lines or track.title in lost:
            tail = Tail(track.title, list(recorder.lines.get(track.title, ())), lost.get(track.title, ""))
            found.append((_worth(recorder.tracks, uid), tail))
    return found
