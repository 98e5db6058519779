"""Who shares a watch is told all of its own, once and in order, wherever stream and lists stand to each other."""

import queue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagset.cluster.news import Changed, Listed, Trouble
from dagset.cluster.protocol import Event, Listing
from dagset.cluster.roster import MANY_ITEMS, MOST_KEYS, Member, Roster
from dagset.cluster.versions import is_later
from dagset.errors import ClusterUnreachable

NAMES = ("identity", "generation")
LOST = ClusterUnreachable("reset")


def pod(owner, version, *, generation="1"):
    labels = {"identity": owner, "generation": generation}
    return {"metadata": {"name": f"{owner}-{version}", "resourceVersion": str(version), "labels": labels}}


def event(owner, version, **words):
    return Event("MODIFIED", pod(owner, version, **words))


def changed(owner, version, **words):
    return Changed("Pod", "MODIFIED", pod(owner, version, **words))


def listing(version, *items):
    return Listing(list(items), str(version))


def joined(roster, owner, *, generation="1"):
    member = Member((owner, generation), queue.SimpleQueue())
    roster.join(member)
    return member


def told(member):
    return [member.inbox.get() for _ in range(member.inbox.qsize())]


def listed(owner="a", *, at=10):
    """A roster with one member that was listed at this version."""
    roster = Roster("Pod", NAMES)
    member = joined(roster, owner)
    roster.listed(roster.batch(), listing(at))
    assert [Listed("Pod", ())] == told(member)
    return roster, member


def test_everybody_is_told_of_their_own_only():
    roster = Roster("Pod", NAMES)
    a, b, a_too = (joined(roster, owner) for owner in "aba")
    a_next = joined(roster, "a", generation="2")
    roster.listed(roster.batch(), listing(5, pod("a", 3), pod("b", 4)))
    roster.changed(event("b", 6))
    roster.changed(event("nobody", 7))
    roster.changed(event("a", 8))

    assert [Listed("Pod", (pod("a", 3),)), changed("a", 8)] == told(a) == told(a_too)
    assert [Listed("Pod", (pod("b", 4),)), changed("b", 6)] == told(b)
    assert [Listed("Pod", ())] == told(a_next)


def test_what_a_list_holds_already_is_not_told_again_by_a_stream_that_runs_behind():
    roster, _ = listed()
    late = joined(roster, "b")
    batch = roster.batch()
    roster.changed(event("b", 11))
    roster.listed(batch, listing(20, pod("b", 20)))
    roster.changed(event("b", 20))
    roster.changed(event("b", 21))

    assert [Listed("Pod", (pod("b", 20),)), changed("b", 21)] == told(late)


def test_what_comes_while_the_list_is_under_way_is_told_after_it():
    roster, _ = listed()
    late = joined(roster, "b")
    batch = roster.batch()
    roster.changed(event("b", 21))
    roster.listed(batch, listing(20, pod("b", 20)))

    assert [Listed("Pod", (pod("b", 20),)), changed("b", 21)] == told(late)


def test_what_came_before_the_list_was_asked_for_is_in_the_list():
    roster, _ = listed()
    late = joined(roster, "b")
    roster.changed(event("b", 11))
    roster.listed(roster.batch(), listing(20, pod("b", 11)))

    assert [Listed("Pod", (pod("b", 11),))] == told(late)


def test_after_the_stream_lost_its_place_everybody_is_listed_again():
    roster, first = listed()
    second = joined(roster, "b")
    under_way = roster.batch()
    waiting = joined(roster, "c")
    roster.lost()
    roster.listed(under_way, listing(11))
    roster.changed(event("a", 12))
    assert ([], [], [], False) == (told(first), told(second), told(waiting), roster.is_open)

    batch = roster.batch()
    assert ("b", "c", "a") == batch.values
    roster.listed(batch, listing(30, pod("a", 12)))
    assert [Listed("Pod", (pod("a", 12),))] == told(first)
    assert [Listed("Pod", ())] == told(second) == told(waiting)


def test_trouble_is_told_to_all_and_its_end_to_those_who_heard_of_it():
    roster, first = listed()
    roster.troubled(LOST, since_s=3.0)
    late = joined(roster, "b")
    roster.troubled(None, since_s=4.0)

    assert [Trouble("Pod", LOST, 3.0), Trouble("Pod", None, 4.0)] == told(first)
    assert [] == told(late)


def test_list_that_fails_is_the_trouble_of_its_batch_alone_which_is_the_next_again():
    roster, first = listed()
    unlucky = joined(roster, "b")
    batch = roster.batch()
    waiting = joined(roster, "c")
    roster.put_back(batch)
    roster.troubled(LOST, since_s=0.0, only=batch)
    again = roster.batch()
    roster.listed(again, listing(12))

    assert ("b", "c") == again.values
    assert [Trouble("Pod", LOST, 0.0), Trouble("Pod", None, 0.0), Listed("Pod", ())] == told(unlucky)
    assert ([], [Listed("Pod", ())]) == (told(first), told(waiting))


@pytest.mark.parametrize("when", ["waiting", "listed", "live"])
def test_who_has_left_is_told_nothing_more(when):
    roster, first = listed()
    gone = joined(roster, "b")
    if when == "waiting":
        roster.leave(gone)
    batch = roster.batch()
    if when == "listed":
        roster.leave(gone)
    roster.listed(batch, listing(12))
    heard = told(gone)
    roster.leave(gone)
    roster.changed(event("b", 13))
    roster.troubled(LOST, since_s=0.0)

    assert ([], [Listed("Pod", ())] if when == "live" else []) == (told(gone), heard)
    assert (True, [Trouble("Pod", LOST, 0.0)]) == (roster.has_members, told(first))


def test_lists_grow_with_success_and_shrink_with_the_answers():
    roster = Roster("Pod", NAMES)
    for number in range(1000):
        joined(roster, str(number))
    sizes = []
    for items in (1, 1, 1, 1, 1, MANY_ITEMS + 1, MANY_ITEMS + 1, 1):
        batch = roster.batch()
        sizes.append(len(batch.values))
        roster.listed(batch, listing(5, *[pod("0", 1)] * items))

    assert [16, 32, 64, MOST_KEYS, MOST_KEYS, MOST_KEYS, 64, 32] == sizes


@pytest.mark.parametrize(
    ("version", "than", "later"),
    [("10", "9", True), ("9", "10", False), ("10", "10", False), ("9" * 40, "1" + "0" * 40, False), ("b", "a", True)],
)
def test_versions_are_compared_as_numbers_of_any_size_and_unknown_ones_count_as_later(version, than, later):
    assert later == is_later(version, than=than)


class World:
    """A server with one writer, a stream that lags, and lists that take their time; every step is the test's."""

    def __init__(self):
        self.roster, self.members = Roster("Pod", NAMES, size=1), []
        self.version, self.log = 1, []  # (version, owner) of each write
        self.read_to = self.asked = None  # where the stream is, and the batch whose list is under way
        self.as_of = 0  # what that list will show

    def step(self, name, owner):
        match name:
            case "write":
                self.version += 1
                self.log.append((self.version, owner))
            case "join":
                self.members.append((owner, joined(self.roster, owner)))
            case "ask" if self.asked is None and self.roster.has_waiting and (self.roster.is_open or not self.read_to):
                self.asked, self.as_of = self.roster.batch(), self.version
            case "answer" if self.asked is not None:
                if self.asked.epoch == self.roster.epoch and self.read_to is None:
                    self.read_to = self.as_of
                found = [pod(owner, v) for v, owner in self.log if v <= self.as_of and owner in self.asked.values]
                self.roster.listed(self.asked, listing(self.as_of, *found))
                self.asked = None
            case "read" if self.read_to is not None:
                for version, whose in [entry for entry in self.log if entry[0] > self.read_to][:1]:
                    self.roster.changed(event(whose, version))
                    self.read_to = version
            case "lose":
                self.roster.lost()
                self.read_to = None

    def settle(self):
        while self.asked or self.roster.has_waiting or (self.read_to and self.read_to < (self.log or [(0,)])[-1][0]):
            for name in ("answer", "ask", "read"):
                self.step(name, "")


STEPS = st.tuples(st.sampled_from(["write", "write", "read", "join", "ask", "answer", "lose"]), st.sampled_from("ab"))


@settings(deadline=None)
@given(st.lists(STEPS, min_size=30, max_size=80))
def test_no_member_loses_repeats_or_reorders_a_change_wherever_lists_and_stream_are(steps):
    """Here a list holds all versions that were written so far, so that list and changes are one sequence."""
    world = World()
    for name, owner in steps:
        world.step(name, owner)
    world.settle()

    for owner, member in world.members:
        written = [version for version, whose in world.log if whose == owner]
        known = []
        for news in told(member):
            listed = [item["metadata"]["resourceVersion"] for item in news.items] if isinstance(news, Listed) else known
            known = [*listed, *([] if isinstance(news, Listed) else [news.object["metadata"]["resourceVersion"]])]
            assert written[: len(known)] == [int(version) for version in known]
        assert written == [int(version) for version in known]
