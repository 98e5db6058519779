"""What is escaped arrives as it was, whatever Kubernetes knows. Its expansion is played by the local cluster's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagset.compile.escape import escape_expansion
from dagset.local.kubelet.expansion import expand


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("echo hello", "echo hello"),
        ("$(DATE)", "$$(DATE)"),
        ("$$", "$$$"),
        ("$$(DATE)", "$$$$(DATE)"),
        ("$HOME ${HOME} costs 5$", "$HOME ${HOME} costs 5$"),
        ("{{x}} {x}", "{{x}} {x}"),
    ],
)
def test_only_what_kubernetes_would_expand_is_escaped(text: str, escaped: str):
    assert escaped == escape_expansion(text)


@given(st.text(alphabet="$()Ax "))
def test_what_is_escaped_arrives_unchanged(text: str):
    assert text == expand(escape_expansion(text), variables={"A": "expanded", "x": "$(A)", "": "empty"})
