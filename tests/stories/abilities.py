"""What a cluster cannot do, and why that is right: the one place where a story may be left out of a cluster."""

from dagset.testing.stories import Ability, Story

__all__ = ["JUSTIFIED", "stories_for"]

# Cluster and ability: why it lacks it. At most three; everything else that differs is a bug of ours.
JUSTIFIED: dict[tuple[str, Ability], str] = {
    ("local", "image"): "Its pods are processes of this machine: `image:` is ignored, so none can be missing.",
    ("local", "kueue"): "It is one machine of one user: there is nobody to share a quota with, and no queue.",
    ("local", "host_loss"): "It is one host: when that is lost, so is the cluster.",
}


def stories_for(cluster: str, stories: list[Story]) -> list[Story]:
    """Return the stories that this cluster can play."""
    return [story for story in stories if not any((cluster, need) in JUSTIFIED for need in story.needs)]
