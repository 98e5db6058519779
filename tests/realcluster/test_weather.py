"""Whatever becomes of the real API server and of the way to it: no wrong verdict, no lost node, bounded requests.

Every test follows enough nodes that some have a watch of their own and the others share one.
"""

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagset.cluster.hub import OWN_WATCHES, Changed, Hub, Listed, News, Trouble
from dagset.cluster.kube import KubeCluster
from dagset.errors import ClusterUnreachable
from dagset.model import DagNode, Identity
from dagset.observe import Observation, Outcome, Phase
from dagset.run.follow import follow
from dagset.run.release import cancel
from dagset.run.submit import submit
from dagset.testing.fake_cluster import FaultyCluster
from tests.realcluster.cutter import Cutter
from tests.realcluster.fixtures import harness
from tests.realcluster.test_cluster import kubectl

pytestmark = pytest.mark.realcluster

MOST_ASKED = 200
NODES = OWN_WATCHES + 3
COMPACT = """
import json, urllib.request as u
def ask(path, **words): return json.load(u.urlopen("http://127.0.0.1:2379/v3/kv/" + path, json.dumps(words).encode()))
print(ask("compaction", revision=ask("range", key="AA==")["header"]["revision"], physical=True))
"""


def must(state: Path, *arguments: str) -> None:
    done = harness(*arguments, state=state)
    assert done.returncode == 0, done.stderr


class Idle:
    """Suspended Jobs on the real server, with a subscription each, so that every change is ours."""

    def __init__(self, state: Path, cluster: Any, test: str) -> None:
        self._state, self._names = state, [f"{test}-{number}" for number in range(NODES)]
        labels = [{"dagset.io/identity": name, "dagset.io/generation": "1"} for name in self._names]
        kubectl(state, "apply", "-f", "-", stdin={"kind": "List", "apiVersion": "v1", "items": self._jobs(labels)})
        hub = Hub(cluster)
        self._subscriptions = [hub.subscribe("Job", namespace="default", labels=each) for each in labels]
        assert set(self._names) == {name for news in self.hear() for name in names_in(news)}

    def _jobs(self, labels: list[dict[str, str]]) -> list[dict[str, Any]]:
        pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox:1"}]}
        return [
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": name, "labels": {**each, "app.kubernetes.io/managed-by": "dagset"}},
                "spec": {"suspend": True, "template": {"spec": pod}},
            }
            for name, each in zip(self._names, labels, strict=True)
        ]

    def hear(self, is_it: Callable[[News], bool] = lambda news: not isinstance(news, Trouble)) -> list[News]:
        """Return the first such news of each; none may be missing."""
        heard = [iter(lambda s=each: s.queue.get(timeout=90), None) for each in self._subscriptions]
        return [next(news for news in told if is_it(news)) for told in heard]

    def hear_one(self, is_it: Callable[[News], bool]) -> News:
        """Return the first such news that anybody hears."""
        while True:
            for each in self._subscriptions:
                with suppress(queue.Empty):
                    if is_it(news := each.queue.get(timeout=0.1)):
                        return news

    def mark(self, value: str) -> None:
        """Change each Job, as somebody else."""
        kubectl(self._state, "annotate", "--overwrite", "job", *self._names, f"mark={value}")

    def hear_mark(self, value: str) -> None:
        """Wait until everybody has heard of it, by a change or in a list."""
        self.hear(lambda news: value in marks_in(news))

    def close(self) -> None:
        for subscription in self._subscriptions:
            subscription.close()
        kubectl(self._state, "delete", "job", *self._names)


def names_in(news: News) -> list[str]:
    return [item["metadata"]["name"] for item in objects_in(news)]


def marks_in(news: News) -> list[str]:
    return [(item["metadata"].get("annotations") or {}).get("mark", "") for item in objects_in(news)]


def objects_in(news: News) -> tuple[dict[str, Any], ...]:
    return news.items if isinstance(news, Listed) else (news.object,) if isinstance(news, Changed) else ()


def is_trouble(text: str) -> Callable[[News], bool]:
    return lambda news: isinstance(news, Trouble) and text in str(news.error)


@contextmanager
def idle(state: Path, cluster: Any, test: str) -> Iterator[Idle]:
    jobs = Idle(state, cluster, test)
    try:
        yield jobs
    finally:
        jobs.close()


@pytest.fixture
def cutter(own_cluster: Path) -> Iterator[Cutter]:
    """The way to the API server, for a test to cut."""
    server = yaml.safe_load((own_cluster / "kubeconfig").read_text())["clusters"][0]["cluster"]["server"]
    with Cutter(int(server.rpartition(":")[2])) as cutter:
        yield cutter


def by_way_of(cutter: Cutter, kubeconfig: Path, folder: Path, **user: str) -> Path:
    """Return a kubeconfig that leads through the cutter, as this user if one is given."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{cutter.port}"
    config["users"][0]["user"] = user or config["users"][0]["user"]
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture
def account(own_cluster: Path, cutter: Cutter, tmp_path: Path) -> Iterator[Callable[..., KubeCluster]]:
    """Make the cluster as a service account sees it that has these rights on Jobs; its token is in tmp_path/token."""
    kubectl(own_cluster, "create", "serviceaccount", "follower")

    def seen_with(*verbs: str) -> KubeCluster:
        kubectl(own_cluster, "create", "role", "follower", "--resource=jobs", *(f"--verb={verb}" for verb in verbs))
        who = "--serviceaccount=default:follower"
        kubectl(own_cluster, "create", "rolebinding", "follower", "--role=follower", who)
        (tmp_path / "token").write_text(kubectl(own_cluster, "create", "token", "follower"))
        return KubeCluster(by_way_of(cutter, own_cluster / "kubeconfig", tmp_path, tokenFile="token"))

    yield seen_with
    kubectl(own_cluster, "delete", "serviceaccount/follower", "role/follower", "rolebinding/follower")


def test_reset_in_the_middle_of_a_line_loses_nothing(own_cluster: Path, cutter: Cutter, tmp_path: Path) -> None:
    cluster = FaultyCluster(KubeCluster(by_way_of(cutter, own_cluster / "kubeconfig", tmp_path)), plan={})
    with idle(own_cluster, cluster, "reset") as jobs:
        before = len(cluster.requests)
        for number in range(5):
            cutter.cut(after_bytes=100)
            jobs.mark(f"reset-{number}")
            jobs.hear_mark(f"reset-{number}")
        asked = Counter(cluster.requests[before:])

    assert {"watch Job"} == set(asked)  # resumed where they were
    assert asked["watch Job"] <= 5 * (OWN_WATCHES + 1) * 2


def test_silent_connection_is_ended_and_the_watch_resumed(own_cluster: Path, cutter: Cutter, tmp_path: Path) -> None:
    path = by_way_of(cutter, own_cluster / "kubeconfig", tmp_path)
    cluster = FaultyCluster(KubeCluster(path, watch_silence_s=4.0), plan={})
    with idle(own_cluster, cluster, "silent") as jobs:
        cutter.mute()
        before = len(cluster.requests)
        jobs.mark("silent")
        jobs.hear_mark("silent")
        asked = Counter(cluster.requests[before:])

    assert {"watch Job"} == set(asked)
    assert asked["watch Job"] <= (OWN_WATCHES + 1) * 3


def test_compaction_and_a_restart_of_the_server_are_one_new_list_for_each_watch(own_cluster: Path) -> None:
    """The new server remembers nothing from before its start, and etcd has forgotten it: every watch ends with 410."""
    cluster = FaultyCluster(KubeCluster(own_cluster / "kubeconfig"), plan={})
    with idle(own_cluster, cluster, "gone") as jobs:
        kubectl(own_cluster, "create", "configmap", "gone")  # or the new server would begin where the watches are
        before = len(cluster.requests)
        must(own_cluster, "exec", "--", "python3", "-c", COMPACT)
        must(own_cluster, "kill", "kube-apiserver")
        must(own_cluster, "start", "kube-apiserver")
        jobs.hear(lambda news: isinstance(news, Listed))
        jobs.mark("gone")
        jobs.hear_mark("gone")
        asked = Counter(cluster.requests[before:])

    assert OWN_WATCHES + 1 <= asked["list Job"] <= OWN_WATCHES + 2
    assert asked["watch Job"] <= 10 * (OWN_WATCHES + 1)


def test_too_many_requests_are_not_made_more(own_cluster: Path, cutter: Cutter, account: Any) -> None:
    """The real server's own answer: its priority and fairness lets this account have one request at a time."""
    alone = account("list", "watch")
    cluster = FaultyCluster(alone, plan={})
    with idle(own_cluster, cluster, "busy") as jobs:
        kubectl(own_cluster, "apply", "-f", "-", stdin=ONE_AT_A_TIME)
        with crowd(alone) as is_refused:
            assert is_refused.wait(60)
            before = len(cluster.requests)
            cutter.cut()
            jobs.hear_one(is_trouble("HTTP 429"))
        kubectl(own_cluster, "delete", "flowschema,prioritylevelconfiguration", "one-at-a-time")
        jobs.mark("busy")
        jobs.hear_mark("busy")
        asked = len(cluster.requests) - before

    assert asked <= 20 * (OWN_WATCHES + 1)


@contextmanager
def crowd(cluster: KubeCluster) -> Iterator[threading.Event]:
    """Others of the same account who ask all the time; the event is set once the server has refused one."""
    refused, over = threading.Event(), threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                cluster.list("Job", namespace="default", labels={})
            except ClusterUnreachable as error:
                if error.retry_after_s == 1.0:
                    refused.set()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    yield refused
    over.set()
    for thread in threads:
        thread.join()


def test_expired_token_is_replaced_by_the_next(own_cluster: Path, cutter: Cutter, account: Any, tmp_path: Path) -> None:
    cluster = FaultyCluster(account("list", "watch"), plan={})
    with idle(own_cluster, cluster, "token") as jobs:
        good = (tmp_path / "token").read_text()
        (tmp_path / "token").write_text("expired")
        cutter.cut()
        jobs.hear(is_trouble("HTTP 401"))
        jobs.mark("token")
        before = len(cluster.requests)
        (tmp_path / "token").write_text(good)
        jobs.hear_mark("token")
        asked = Counter(cluster.requests[before:])

    assert {"watch Job"} == set(asked)


def test_where_watching_is_forbidden_a_list_tells_it_every_few_seconds(own_cluster: Path, account: Any) -> None:
    cluster = FaultyCluster(account("list"), plan={})
    with idle(own_cluster, cluster, "poll") as jobs:
        for number in range(2):
            before = len(cluster.requests)
            jobs.mark(f"poll-{number}")
            jobs.hear_mark(f"poll-{number}")
            assert len(cluster.requests) - before <= 4 * (OWN_WATCHES + 1)


def node(number: int) -> DagNode:
    """Return a node of a kind and with an end that follow from the number; its pods end after 12 s."""
    words = {"pods": 2, "coupling": "gang"} if number % 2 else {"pods": 1}
    script = f"sleep 12; echo done {number}; exit {EXITS[number]}"
    return DagNode(name="weather", image="busybox:1", command=("sh", "-c", script), grace_period="1s", **words)


EXITS = [0, 0, 3, 3, 0, 0, 7, 7]


@pytest.mark.parametrize("component", ["kube-apiserver", "etcd", "jobset", "kube-controller-manager"])
def test_nodes_that_end_while_a_component_is_down_are_told_right(own_cluster: Path, component: str) -> None:
    inner = KubeCluster(own_cluster / "kubeconfig")
    cluster = FaultyCluster(inner, plan={})
    refs = [submit(node(n), Identity(owner=component, task=str(n)), cluster=inner).ref for n in range(len(EXITS))]
    running = [threading.Event() for _ in refs]

    def followed(number: int) -> Outcome:
        def look(_seen: Observation, phase: Phase) -> None:
            if phase.name == "running":
                running[number].set()

        return follow(refs[number], cluster=cluster, on_change=look)  # type: ignore[arg-type]

    with ThreadPoolExecutor(len(refs)) as pool:
        outcomes = pool.map(followed, range(len(refs)))
        assert all(event.wait(90) for event in running)
        asked_before = len(cluster.requests)
        must(own_cluster, "kill", component)
        threading.Event().wait(15)
        must(own_cluster, "start", component)
        told = [(outcome.reason, outcome.exit_code) for outcome in outcomes]
    asked = Counter(cluster.requests[asked_before:])
    for ref in refs:
        cancel(ref, cluster=inner)

    assert [("app_error", code) if code else ("succeeded", 0) for code in EXITS] == told
    assert sum(asked.values()) <= MOST_ASKED, asked


ONE_AT_A_TIME = {
    "kind": "List",
    "apiVersion": "v1",
    "items": [
        {
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
            "kind": "PriorityLevelConfiguration",
            "metadata": {"name": "one-at-a-time"},
            "spec": {
                "type": "Limited",
                "limited": {
                    "nominalConcurrencyShares": 0,
                    "lendablePercent": 0,
                    "borrowingLimitPercent": 0,
                    "limitResponse": {"type": "Reject"},
                },
            },
        },
        {
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
            "kind": "FlowSchema",
            "metadata": {"name": "one-at-a-time"},
            "spec": {
                "priorityLevelConfiguration": {"name": "one-at-a-time"},
                "matchingPrecedence": 2,
                "rules": [
                    {
                        "subjects": [
                            {"kind": "ServiceAccount", "serviceAccount": {"namespace": "default", "name": "follower"}}
                        ],
                        "resourceRules": [
                            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}
                        ],
                    }
                ],
            },
        },
    ],
}
