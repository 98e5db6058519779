"""All followers of a process share a few watches; none misses anything, and nothing is left when they have gone."""

import gc
import queue
import threading
from collections import Counter

import pytest

from dagset.cluster.hub import OWN_WATCHES, Changed, Hub, Listed, Trouble, hub_of
from dagset.errors import ClusterUnreachable
from dagset.testing.fake_cluster import FakeCluster, FaultyCluster


def labels(number, generation=1):
    return {"dagset.io/identity": f"id-{number}", "dagset.io/generation": str(generation)}


def pod(number, phase="Running"):
    carried = {**labels(number), "app.kubernetes.io/managed-by": "dagset"}
    return {"kind": "Pod", "metadata": {"name": f"p-{number}", "labels": carried}, "status": {"phase": phase}}


def subscribed(hub, count, kind="Pod"):
    return [hub.subscribe(kind, namespace="default", labels=labels(number)) for number in range(count)]


def heard(subscription, count=1):
    return [subscription.queue.get(timeout=20) for _ in range(count)]


@pytest.fixture(autouse=True)
def _of_others(monkeypatch):
    """What threads other tests left is not the matter of these."""
    monkeypatch.setitem(OTHERS, "threads", set(threading.enumerate()))


OTHERS = {"threads": set()}


def threads_of_hubs():
    found = set(threading.enumerate()) - OTHERS["threads"]
    return [thread for thread in found if thread.name.startswith(("watch ", "list "))]


def watching():
    return Counter(thread.name for thread in threads_of_hubs())


def still_watching():
    """Return who still watches, after a time in which whoever was to end has ended."""
    for thread in threads_of_hubs():
        thread.join(timeout=20)
    return watching()


class Gated(FakeCluster):
    """A cluster that answers no list before its gate is open."""

    def __init__(self):
        super().__init__()
        self.gate = threading.Event()

    def list(self, kind, **words):
        self.gate.wait(20)
        return super().list(kind, **words)


@pytest.mark.parametrize("count", [1, OWN_WATCHES, OWN_WATCHES + 1, 50])
def test_each_hears_its_own_list_and_changes_until_it_is_closed(count):
    cluster = FakeCluster()
    before = [cluster.put(pod(number)) for number in range(count)]
    subscriptions = subscribed(Hub(cluster), count)
    lists = [heard(subscription) for subscription in subscriptions]
    after = [cluster.put(pod(number, "Succeeded")) for number in range(count)]
    changes = [heard(subscription) for subscription in subscriptions]
    for subscription in (*subscriptions, *subscriptions):
        subscription.close()
    for number in range(count):
        cluster.put(pod(number, "Failed"))

    assert [[Listed("Pod", (each,))] for each in before] == lists
    assert [[Changed("Pod", "MODIFIED", each)] for each in after] == changes
    assert all(subscription.queue.empty() for subscription in subscriptions)
    assert Counter() == still_watching()


def test_a_thousand_cost_a_few_watches_and_threads_and_lists_of_many():
    inner = Gated()
    cluster = FaultyCluster(inner, plan={})
    subscriptions = subscribed(Hub(cluster), 1000)
    inner.gate.set()
    for subscription in subscriptions:
        heard(subscription)
    asked, threads = Counter(cluster.requests), watching()
    for subscription in subscriptions:
        subscription.close()

    assert {"watch Pods in default": OWN_WATCHES + 1, "list Pods in default": 1} == threads
    assert (OWN_WATCHES + 1, True) == (asked["watch Pod"], asked["list Pod"] <= OWN_WATCHES + 1000 // 64)


def test_subscriptions_without_an_identity_have_a_watch_each():
    cluster = FakeCluster()
    hub = Hub(cluster)
    subscriptions = [hub.subscribe("Pod", namespace="default", labels={"a": "1"}) for _ in range(OWN_WATCHES + 2)]
    lists = [heard(subscription) for subscription in subscriptions]
    threads = watching()
    for subscription in subscriptions:
        subscription.close()

    assert [[Listed("Pod", ())]] * len(subscriptions) == lists
    assert {"watch Pods in default": OWN_WATCHES + 2} == threads


def test_when_the_few_have_gone_the_next_has_a_watch_of_its_own_again():
    cluster = FaultyCluster(FakeCluster(), plan={})
    hub = Hub(cluster)
    for subscription in subscribed(hub, OWN_WATCHES + 1):
        heard(subscription)
        subscription.close()
    assert Counter() == still_watching()
    next_one = hub.subscribe("Pod", namespace="default", labels=labels(9))
    heard(next_one)
    threads = watching()
    next_one.close()

    assert {"watch Pods in default": 1} == threads


def test_kinds_and_namespaces_are_apart():
    cluster = FakeCluster()
    hub = Hub(cluster)
    inbox = queue.SimpleQueue()
    places = [("Pod", "default"), ("Job", "default"), ("Pod", "other")]
    subscriptions = [
        hub.subscribe(kind, namespace=namespace, labels=labels(number), into=inbox)
        for kind, namespace in places
        for number in range(OWN_WATCHES + 1)
    ]
    kinds = Counter(inbox.get(timeout=20).kind for _ in subscriptions)
    stored = cluster.put({**pod(OWN_WATCHES)}, namespace="other")
    change = inbox.get(timeout=20)
    for subscription in subscriptions:
        subscription.close()

    assert ({"Pod": 2 * (OWN_WATCHES + 1), "Job": OWN_WATCHES + 1}, Changed("Pod", "ADDED", stored)) == (kinds, change)


def test_forgotten_history_is_a_new_list_for_everybody():
    cluster = FakeCluster()
    subscriptions = subscribed(Hub(cluster), 40)
    for subscription in subscriptions:
        heard(subscription)
    cluster.forget_history()
    lists = [heard(subscription) for subscription in subscriptions]
    stored = cluster.put(pod(39))
    change = heard(subscriptions[39])
    for subscription in subscriptions:
        subscription.close()

    assert [[Listed("Pod", ())]] * 40 == lists
    assert [Changed("Pod", "ADDED", stored)] == change


class Weather(FakeCluster):
    """A cluster whose lists fail while it storms, and whose watches break."""

    storm = False

    def list(self, kind, **words):
        if self.storm:
            raise ClusterUnreachable("down")
        return super().list(kind, **words)

    def watch(self, kind, **words):
        if self.storm:
            raise ClusterUnreachable("down")
        return super().watch(kind, **words)


def test_storm_is_told_to_all_who_share_and_to_those_who_join_in_it_and_then_they_see():
    cluster = Weather()
    hub = Hub(cluster)
    subscriptions = subscribed(hub, OWN_WATCHES + 2)
    for subscription in subscriptions:
        heard(subscription)
    cluster.storm = True
    cluster.forget_history()  # breaks the streams, and they are not to be had again
    told = [heard(subscription)[0].error is not None for subscription in subscriptions]
    late = hub.subscribe("Pod", namespace="default", labels=labels(99))
    cluster.storm = False
    stored = cluster.put(pod(99))
    news = iter(lambda: heard(late)[0], None)
    last = next(item for item in news if not isinstance(item, Trouble))
    for subscription in (*subscriptions, late):
        subscription.close()

    assert [True] * len(subscriptions) == told
    assert stored == (last.object if isinstance(last, Changed) else last.items[0])


def test_threads_that_come_and_go_all_hear_and_nothing_is_left():
    cluster = FakeCluster()
    hub, wrong = Hub(cluster), []
    stored = {number: cluster.put(pod(number)) for number in range(60)}

    def one(number):
        for _ in range(5):
            subscription = hub.subscribe("Pod", namespace="default", labels=labels(number))
            first = heard(subscription)
            closers = [threading.Thread(target=subscription.close) for _ in range(2)]
            for closer in closers:
                closer.start()
            for closer in closers:
                closer.join()
            wrong.extend([first] if first != [Listed("Pod", (stored[number],))] else [])

    threads = [threading.Thread(target=one, args=(number,)) for number in stored]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert [] == wrong
    assert Counter() == still_watching()


class Closer:
    """An inbox that closes its own subscription at the second news, as a follower does that has seen the end."""

    def __init__(self):
        self.subscription, self.news = None, []
        self.begun, self.done = threading.Event(), threading.Event()

    def put(self, item):
        self.news.append(item)
        self.begun.set()
        if len(self.news) == 2:
            self.subscription.close()
            self.done.set()


@pytest.mark.parametrize("others", [0, OWN_WATCHES])
def test_an_inbox_may_close_its_own_subscription(others):
    cluster, inbox = FakeCluster(), Closer()
    hub = Hub(cluster)
    around = subscribed(hub, others)
    inbox.subscription = hub.subscribe("Pod", namespace="default", labels=labels(99), into=inbox)
    assert inbox.begun.wait(20)
    for phase in ("Pending", "Running", "Succeeded"):
        cluster.put(pod(99, phase))

    assert inbox.done.wait(20)
    for subscription in around:
        subscription.close()
    assert Counter() == still_watching()
    assert 2 == len(inbox.news)


def test_looks_at_the_same_time_are_one_list_and_each_sees_its_own_as_it_is_now():
    inner = Gated()
    cluster = FaultyCluster(inner, plan={})
    hub, stored, seen = Hub(cluster), [inner.put(pod(number)) for number in range(50)], {}

    def look(number):
        seen[number] = hub.look("Pod", namespace="default", labels=labels(number))

    threads = [threading.Thread(target=look, args=(number,)) for number in range(51)]
    for thread in threads:
        thread.start()
    inner.gate.set()
    for thread in threads:
        thread.join()

    assert {**{number: [each] for number, each in enumerate(stored)}, 50: []} == seen
    assert len(cluster.requests) < 20


def test_look_that_fails_tells_everybody_who_asked_and_the_next_asks_anew():
    cluster = FaultyCluster(FakeCluster(), plan={0: "before"})
    hub = Hub(cluster)
    with pytest.raises(ClusterUnreachable):
        hub.look("Pod", namespace="default", labels=labels(1))

    assert [] == hub.look("Pod", namespace="default", labels=labels(1))


def test_followers_of_one_cluster_share_a_hub_that_ends_with_them():
    cluster, other = FakeCluster(), FakeCluster()
    hub = hub_of(cluster)

    assert (True, False) == (hub_of(cluster) is hub, hub_of(other) is hub)
    kept = id(hub)
    del hub
    gc.collect()
    assert kept not in {id(thing) for thing in gc.get_objects() if isinstance(thing, Hub)}
