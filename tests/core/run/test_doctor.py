"""Each lack is told as what it is, with its remedy; what cannot be asked is said to be left out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dagset import constants
from dagset.cluster.rights import RIGHTS
from dagset.errors import ClusterRefused, ClusterUnreachable, DagsetError, NotFound, UnknownKind
from dagset.run.doctor import Checked, check_cluster, check_local, check_machine
from dagset.testing.fake_cluster import FakeCluster

JOBS_ONLY = {kind: version for kind, version in constants.API_VERSIONS.items() if "." not in version}
FORBIDDEN = 'User "ann" cannot {} resource "{}" in API group "" in the namespace "default"'
PLUGIN, UPGRADE = "snakemake-executor-plugin-jobset", "pip install --upgrade dagset-hera, or the versions that it needs"
INSTALL = f"pip install {PLUGIN}, if its nodes are to be yours"
GRANT = "whoever administers the cluster grants it by `dagset rbac --namespace default --user ann | kubectl apply -f -`"


class Reviewed(FakeCluster):
    """Answers reviews as an API server does: `lacks` are (verb, resource) that ann may not; `errors` are by kind."""

    def __init__(
        self, *, lacks: set[tuple[str, str]] = frozenset(), errors: dict[str, DagsetError] | None = None, **words: Any
    ):
        super().__init__(**words)
        self.lacks, self.errors = lacks, errors or {}

    def create(self, manifest: dict[str, Any], *, namespace: str, dry_run: bool = False) -> dict[str, Any]:
        """See `Cluster.create`."""
        kind = manifest["kind"]
        if kind in self.errors:
            raise self.errors[kind]
        if kind == "SelfSubjectReview":
            return {**manifest, "status": {"userInfo": {"username": "ann"}}}
        if kind == "SelfSubjectAccessReview":
            asked = manifest["spec"]["resourceAttributes"]
            resource = "/".join(filter(None, (asked["resource"], asked.get("subresource"))))
            return {**manifest, "status": {"allowed": (asked["verb"], resource) not in self.lacks}}
        assert dry_run, "a doctor creates nothing"
        return super().create(manifest, namespace=namespace, dry_run=dry_run)

    def document(self, path: str) -> dict[str, Any]:
        """See `Cluster.document`."""
        if path in self.errors:
            raise self.errors[path]
        return super().document(path)

    def list(self, kind: str, **words: Any) -> Any:
        """See `Cluster.list`."""
        if f"list {kind}" in self.errors:
            raise self.errors[f"list {kind}"]
        return super().list(kind, **words)


def said(cluster: FakeCluster) -> list[Checked]:
    """Return all that is not plainly fine."""
    return [each for each in check_cluster(cluster, namespace="default") if each.level != "ok"]


def test_cluster_that_has_all_is_told_line_by_line() -> None:
    assert [
        Checked("ok", "kubernetes", "v1.36.3 at fake cluster"),
        Checked("ok", "arrays (Job)", "would be taken in namespace default, with its pods"),
        Checked("ok", "gangs (JobSet)", "would be taken by JobSet 0.10 or newer in namespace default, with its pods"),
        Checked("ok", "rights", "ann may do all that dagset asks for in namespace default"),
        Checked("ok", "queues", "Kueue has no LocalQueue in namespace default"),
    ] == list(check_cluster(Reviewed(), namespace="default"))


def refused(words: str, status: int = 403) -> ClusterRefused:
    return ClusterRefused(words, status=status, reason="")


@pytest.mark.parametrize(
    ("cluster", "level", "what", "words"),
    [
        pytest.param(Reviewed(version="v1.32.1"), "problem", "kubernetes", "needs 1.33 or newer", id="too old"),
        pytest.param(Reviewed(errors={"/version": refused("no")}), "left out", "kubernetes", "no", id="closed version"),
        pytest.param(
            Reviewed(errors={"JobSet": UnknownKind("what?", status=404)}),
            "problem",
            "gangs (JobSet)",
            "the cluster does not know JobSet",
            id="no JobSet",
        ),
        pytest.param(
            Reviewed(errors={"Pod": refused("violates PodSecurity")}),
            "warning",
            "arrays (Job)",
            "role worker, its pods: violates",
            id="pods must bring more",
        ),
        pytest.param(
            Reviewed(errors={"JobSet": ClusterUnreachable("failed calling webhook", retry_after_s=60)}),
            "problem",
            "gangs (JobSet)",
            "failed calling webhook; gave up",
            id="dead webhook",
        ),
        pytest.param(
            Reviewed(errors={"SelfSubjectAccessReview": refused("no reviews")}),
            "left out",
            "rights",
            "no reviews",
            id="reviews are closed",
        ),
        pytest.param(
            Reviewed(errors={"list LocalQueue": refused("no")}), "left out", "queues", "may not be listed", id="no list"
        ),
    ],
)
def test_what_is_lacking_is_told(cluster: FakeCluster, level: str, what: str, words: str) -> None:
    first = said(cluster)[0]

    assert (level, what, True) == (first.level, first.what, words in first.message)


@pytest.mark.parametrize(
    ("cluster", "what", "remedy"),
    [
        pytest.param(
            Reviewed(errors={"/version": ClusterUnreachable("no route", retry_after_s=60)}),
            "kubernetes",
            "VPN",
            id="no answer",
        ),
        pytest.param(Reviewed(errors={"/version": refused("Unauthorized", 401)}), "kubernetes", "renew", id="expired"),
        pytest.param(
            Reviewed(
                errors={"/version": ClusterRefused("its certificate is not trusted", reason="CertificateNotTrusted")}
            ),
            "kubernetes",
            "",
            id="not trusted",
        ),
        pytest.param(
            Reviewed(errors={"Job": NotFound('namespaces "default" not found', status=404)}),
            "the namespace",
            "",
            id="no namespace",
        ),
    ],
)
def test_what_ends_the_questions_is_the_last_line(cluster: FakeCluster, what: str, remedy: str) -> None:
    last = list(check_cluster(cluster, namespace="default"))[-1]

    assert ("problem", what, True) == (last.level, last.what, remedy in last.remedy)


def test_missing_rights_are_told_with_what_is_lost_and_one_command() -> None:
    cluster = Reviewed(
        lacks={("get", "pods/log"), ("watch", "pods"), ("create", "jobs")},
        errors={"Job": refused(FORBIDDEN.format("create", "jobs"))},
    )

    assert [
        Checked("left out", "arrays (Job)", "the node: not asked, for rights are missing (see below)"),
        Checked("left out", "gangs (JobSet)", "role worker, its Job: not asked, for rights are missing (see below)"),
        Checked("problem", "rights", "ann lacks some of those that dagset asks for in namespace default", GRANT),
        Checked("problem", "rights", f"create jobs.batch: {RIGHTS[0].why}"),
        Checked("problem", "rights", f"watch pods: {RIGHTS[2].why}"),
        Checked("warning", "rights", f"get pods/log: {RIGHTS[3].why}; without: {RIGHTS[3].without}"),
    ] == said(cluster)


def test_cluster_without_rights_and_queues_of_its_own_is_fine() -> None:
    kinds = {**JOBS_ONLY, "JobSet": "v1"}
    told = list(
        check_cluster(Reviewed(kinds=kinds, errors={"SelfSubjectAccessReview": UnknownKind("")}), namespace="default")
    )

    assert ["ok"] * 5 == [each.level for each in told]


def test_queue_that_admits_nothing_is_a_warning() -> None:
    cluster = Reviewed()
    why = {"type": "Active", "status": "False", "message": "Can't submit, ClusterQueue is inactive"}
    cluster.put({"kind": "LocalQueue", "metadata": {"name": "gpu"}, "status": {"conditions": [why]}})

    message = "admits nothing: Can't submit, ClusterQueue is inactive"
    assert [Checked("warning", "queue gpu", message, "ask who runs Kueue here")] == said(cluster)


def dists(**versions: Any) -> Callable[[str], tuple[str, list[str]] | None]:
    return lambda name: versions.get(name.replace("-", "_"))


def test_adapter_whose_engine_does_not_fit_is_a_problem() -> None:
    installed = dists(
        dagset=("0.1.0", []),
        dagset_hera=("0.1.0", ["dagset<0.2,>=0.1", "hera[yaml]<8,>=7.1", "nobody>1; extra == 'x'"]),
        hera=("6.0.0", []),
        snakemake=("9.27.1", []),
    )
    told = list(check_machine(installed))[1:]

    assert [
        Checked("ok", "dagset", "0.1.0"),
        Checked("problem", "dagset-hera", "0.1.0 needs hera<8,>=7.1 (here: 6.0.0)", UPGRADE),
        Checked("ok", "snakemake", f"9.27.1 is here without {PLUGIN}", INSTALL),
    ] == told


def test_what_is_installed_here_fits() -> None:
    assert {"ok"} == {each.level for each in check_machine()}


def local(tmp_path: Path, **words: Any) -> dict[str, Checked]:
    told = {"running": False, "state_dir": str(tmp_path / "not" / "there")}
    given = {"told": lambda: told, "namespaces": lambda _hosts: ("user", ""), "free_bytes": lambda _path: 2**31}
    return {each.what: each for each in check_local(**{**given, **words})}


def test_local_cluster_with_all_is_fine(tmp_path: Path) -> None:
    assert {"ok"} == {each.level for each in local(tmp_path).values()}


@pytest.mark.parametrize(
    ("words", "what", "message"),
    [
        pytest.param(
            {"namespaces": lambda _: (None, "EPERM")}, "host names of peers", "forbids namespaces", id="names"
        ),
        pytest.param({"rollup": Path("/no/such")}, "memory limits", "too strictly", id="memory"),
        pytest.param({"free_bytes": lambda _: 2**20}, "disk", "0.0 GiB free", id="disk"),
        pytest.param(
            {"told": lambda: {"running": True, "state_dir": "/", "version": "0.0.9", "started_at": "now"}},
            "local cluster",
            "release 0.0.9 is running",
            id="another release",
        ),
    ],
)
def test_what_pods_lack_on_this_machine_is_a_warning(tmp_path: Path, words: Any, what: str, message: str) -> None:
    found = local(tmp_path, **words)[what]

    assert ("warning", True, True) == (found.level, message in found.message, bool(found.remedy))
