"""docs/conformance.md: which stories run where, and why one is left out. `python -m tests.stories.conformance`."""

from collections.abc import Sequence
from pathlib import Path

from dagset.testing.stories import Story, load_stories
from tests.stories.abilities import JUSTIFIED, stories_for

STORIES = Path(__file__).parent
PAGE = STORIES.parents[1] / "docs/conformance.md"
CLUSTERS = {"local": "the local cluster", "real": "Kubernetes 1.36.3, JobSet 0.12.0, Kueue 0.18.3"}


def page(stories: Sequence[Story]) -> str:
    """The page: counts, justified differences, and a line for each story."""
    played = {cluster: stories_for(cluster, list(stories)) for cluster in CLUSTERS}
    lines = [
        "# Conformance",
        "",
        "Written by `python -m tests.stories.conformance`; do not edit.",
        "",
        "A story is one node, what its pods and others do to it, and how it has to end (`tests/stories/*.yaml`). The",
        "same file runs on every cluster that can play it, and must end with the same Outcome, phases and verdicts.",
        "",
        *(
            f"- {cluster}: {words}: {len(played[cluster])} of {len(stories)} stories"
            for cluster, words in CLUSTERS.items()
        ),
        "",
        "## What the local cluster does not do",
        "",
        "| ability | stories | why |",
        "|---|---|---|",
        *(_difference(cluster, need, why, stories) for (cluster, need), why in JUSTIFIED.items()),
        "",
        "Everything else that differs is a bug.",
        "",
        "## The stories",
        "",
        f"| story | ends | {' | '.join(CLUSTERS)} | tells |",
        f"|---|---|{'---|' * len(CLUSTERS)}---|",
        *(_line(story, played) for story in stories),
    ]
    return "\n".join(lines) + "\n"


def _difference(cluster: str, need: str, why: str, stories: Sequence[Story]) -> str:
    return f"| {need} | {sum(need in story.needs for story in stories)} | {why} |"


def _line(story: Story, played: dict[str, list[Story]]) -> str:
    ends = f"`{story.outcome['reason']}`" if story.refused is None else f"`{story.refused['error']}` on submit"
    marks = " | ".join("yes" if story in played[cluster] else "no" for cluster in CLUSTERS)
    return f"| {story.name} | {ends} | {marks} | {' '.join(story.says.split()).replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    PAGE.write_text(page(load_stories(STORIES)))
