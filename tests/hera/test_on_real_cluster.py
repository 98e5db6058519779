"""What Argo's executor would create, before a real API server and its webhooks."""

from pathlib import Path
from typing import Any

import pytest
from hera.workflows import Parameter

from dagset.run import open_cluster
from tests.hera.argo import made
from tests.hera.test_manifest import FILLED, UNHELD, templates_of
from tests.samples import BASE, SAMPLES, WORDS

CASES: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    **{word: (SAMPLES[word] if word == "roles" else BASE | SAMPLES[word], {}) for word in WORDS if word not in UNHELD},
    **{f"{word} by parameter": (BASE | words, {"p-1": value}) for word, (words, value) in FILLED.items()},
}


@pytest.mark.parametrize("case", CASES)
def test_the_manifest_is_accepted_word_by_word(case: str, real_cluster: Path):
    words, values = CASES[case]
    templates = templates_of(words, inputs=[Parameter(name=name) for name in values])
    cluster = open_cluster(str(real_cluster))

    for manifest in made(templates, values=values):
        created = cluster.create(manifest, namespace="default", dry_run=True)

        assert manifest["metadata"]["name"] == created["metadata"]["name"]
