"""Whatever node compiles, patches and all, it is explained or refused with one sentence."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dagset.compile import compile_node
from dagset.errors import InvalidNode
from dagset.explain import as_text, explain
from dagset.model import DagNode, Identity

KEYS = [
    "spec",
    "failurePolicy",
    "successPolicy",
    "rules",
    "action",
    "replicatedJobs",
    "name",
    "template",
    "maxRestarts",
]
KEYS += ["podFailurePolicy", "onExitCodes", "values", "operator", "completions", "parallelism", "backoffLimitPerIndex"]
KEYS += ["activeDeadlineSeconds", "metadata", "annotations", "suspend", "terminationGracePeriodSeconds", "containers"]
SCALARS = st.sampled_from([None, True, 0, 1, 2, 7, -1, "worker", "FailJob", "Ignore", "In", "main", "x", ""])
PATCHES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=12,
)
WORDS = st.fixed_dictionaries(
    {"coupling": st.sampled_from(["gang", "array"]), "pods": st.sampled_from([1, 2, 100_000])},
    optional={
        "restarts": st.integers(0, 3),
        "object_patch": st.dictionaries(st.just("spec"), PATCHES, max_size=1),
        "pod_patch": st.dictionaries(st.just("spec"), PATCHES, max_size=1),
        "on_disruption": st.sampled_from(["restart", "count", "fail"]),
        "free_exit_codes": st.just([7]),
        "deadline": st.just("1h"),
    },
)


@settings(max_examples=60, deadline=None)
@given(WORDS, st.booleans())
def test_what_compiles_is_explained_or_refused(words: dict, followed: bool) -> None:
    try:
        node = DagNode(name="n", image="a", **words)
        told = explain(node, compile_node(node, Identity(owner="o"), followed=followed))
    except InvalidNode:
        return
    assert as_text(told).startswith(("Job n-", "JobSet n-"))
