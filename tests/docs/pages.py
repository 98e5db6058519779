"""What stands in the pages: fenced blocks, the node files among them, the sessions to type, and what was recorded.

A `yaml` block whose first line is `# name.yaml` is a file. A `console` block is a session: lines after `$ ` are typed
in a folder with the page's files, and what follows is what they say. A `text` block under `<!-- recorded: story -->` is
the end that `dagset run` tells of a recording of the real cluster.
"""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from dagset.cli.progress import summary
from dagset.observe import Observation, judge, observe
from dagset.observe.observation import relisted
from tests.recordings.tape import changes_of

__all__ = ["Session", "files_of", "plain", "recorded", "rewritten", "sessions_of", "typed", "with_recorded"]

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT / "tests" / "recordings" / "k8s-1.36-jobset-0.12"
BLOCK = re.compile(r"^```(?P<kind>yaml|console)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
RECORDED = re.compile(r"^(?P<head><!-- recorded: (?P<story>\S+) -->\n```text\n).*?^```$", re.MULTILINE | re.DOTALL)
# What no two runs share: progress lines and their times, names and host, the order of what several pods say.
PROGRESS = re.compile(r"^(?:\[ *\d+\.\d+s\] |\w+ \S+: deleted, waiting for ).*\n", re.MULTILINE)
POD_LINES = re.compile(r"(?:^[\w-]+\[\d+\].*\n)+", re.MULTILINE)
CHANGING = (
    (re.compile(r"-[0-9a-f]{8}\b"), "-1234abcd"),
    (re.compile(r"(in|after) \d+\.\d s"), r"\1 1.0 s"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "2026-01-01T00:00:00Z"),
    (re.compile(r"\b\d+ (?:s|min)\b"), "1 s"),  # an age, and the width of its column
    (re.compile(r"(?<=\S) {2,}"), "  "),
    (re.compile(r" +$", re.MULTILINE), ""),
)
HOST = "laptop"
EXPIRED = "nobody-looked"  # the one end that no recording can hold
LIMIT_S = 240


@dataclass(frozen=True)
class Session:
    """The `text` of a console block, and what is typed in it."""

    text: str

    @property
    def commands(self) -> list[str]:
        """The lines after `$ `, each with the lines that go on with it."""
        return [line.removeprefix("$ ") for line in self.text.splitlines() if line.startswith("$ ")]


def files_of(page: str) -> dict[str, str]:
    """Return the node files by name."""
    texts = [block["text"] for block in BLOCK.finditer(page) if block["kind"] == "yaml"]
    return {text.split()[1]: text for text in texts if re.match(r"# [\w-]+\.yaml\n", text)}


def sessions_of(page: str) -> list[Session]:
    """Return the sessions in order."""
    return [Session(block["text"]) for block in BLOCK.finditer(page) if block["kind"] == "console"]


def typed(sessions: Iterable[Session], *, folder: Path, environ: dict[str, str]) -> list[str]:
    """Type the sessions, one after another in one shell, and return the block that each would be."""
    sessions = list(sessions)
    commands = [command for session in sessions for command in session.commands]
    # Each command sees the exit code of the one before it, although a mark is printed between them.
    script = "".join(f"printf '\\036'; (exit ${{code:-0}})\n{command}\ncode=$?\n" for command in commands)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    run = subprocess.run(
        ["bash", "-c", f"exec 2>&1\n{script}"],
        cwd=folder,
        env={**os.environ, **environ, "PATH": path, "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    said = iter(run.stdout.replace(f" {socket.gethostname()}", f" {HOST}").split("\036")[1:])
    return ["".join(f"$ {command}\n{_ended(next(said))}" for command in session.commands) for session in sessions]


def _ended(said: str) -> str:
    return said if not said or said.endswith("\n") else f"{said}\n"


def plain(block: str) -> str:
    """Return a block without what no two runs share."""
    for pattern, text in CHANGING:
        block = pattern.sub(text, block)
    return POD_LINES.sub(lambda lines: "".join(sorted(lines[0].splitlines(True))), PROGRESS.sub("", block))


def recorded(story: str) -> str:
    """Return what `dagset run` tells at the end of a story that was recorded on the real cluster."""
    changes = changes_of(RECORDINGS / f"{'deleted-by-hand' if story == EXPIRED else story}.jsonl")
    empty = Observation.empty(next(change.kind for change in changes if change.kind in ("Job", "JobSet")))
    if story == EXPIRED:
        outcome = judge(relisted(observe(empty, changes[0]), empty.kind, [], unseen_s=1e9))
    else:
        outcome = judge(reduce(observe, changes, empty))
    assert outcome is not None
    return summary(outcome, elapsed_s=None, with_lines=False) + "\n"


def rewritten(page: str, blocks: Iterable[tuple[str, str]]) -> str:
    """Return the page with each old block replaced by the new one, where they differ in what runs share."""
    place, parts = 0, []
    for old, new in blocks:
        start = page.index(f"```console\n{old}", place) + len("```console\n")
        parts += [page[place:start], old if plain(old) == plain(new) else new]
        place = start + len(old)
    return "".join([*parts, page[place:]])


def with_recorded(page: str) -> str:
    """Return the page with what the recordings say now."""
    return RECORDED.sub(lambda block: f"{block['head']}{recorded(block['story'])}```", page)
