"""Whatever is given, the answer is a node that compiles or one InvalidNode."""

from hypothesis import given
from hypothesis import strategies as st

from dagset.compile import compile_node
from dagset.compile.render import render_yaml
from dagset.errors import InvalidNode
from dagset.model import DagNode, Identity, Role, node_from

WORDS = sorted(
    {*DagNode.__struct_fields__, *Role.__struct_fields__, "path", "text", "data", "indexes", "count", "replicas"}
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["gang", "array", "all", "any", "30s", "2h", "1Gi", "500m", "worker", "0-3", "never"]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)
almost = st.dictionaries(st.sampled_from(WORDS), values, max_size=4).map(
    lambda words: {"name": "n", "image": "a", **words}
)


@given(almost | values)
def test_any_words_give_a_node_that_compiles_or_one_refusal(words: object):
    try:
        node = node_from(words if isinstance(words, dict) else str(words))
    except InvalidNode:
        return
    assert render_yaml(compile_node(node, Identity(owner="o")))


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str):
    for is_json in (False, True):
        try:
            node_from(text, is_json=is_json)
        except InvalidNode:
            continue
