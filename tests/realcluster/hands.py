"""What tests can do to the machines of a real cluster that is up, by name (dagset.testing.somebody: Hands)."""

from collections.abc import Callable

from tests.realcluster.place import Place


def hands_of(place: Place) -> dict[str, Callable[[], None]]:
    """Kill and start the second host, with everything that runs on it."""
    return {}
