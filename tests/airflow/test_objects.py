"""Objects of the kubernetes client are taken for what they say."""

from types import MappingProxyType

import pytest
from kubernetes import client

from dagset.errors import InvalidNode
from dagset.model import node_from
from dagset_airflow.objects import as_words, plain_value


def test_object_is_a_mapping_in_kubernetes_own_spelling():
    term = client.V1NodeSelectorTerm(
        match_expressions=[client.V1NodeSelectorRequirement(key="{{ zone }}", operator="In", values=["a"])]
    )
    affinity = client.V1Affinity(
        node_affinity=client.V1NodeAffinity(
            required_during_scheduling_ignored_during_execution=client.V1NodeSelector(node_selector_terms=[term])
        )
    )

    told = {"matchExpressions": [{"key": "{{ zone }}", "operator": "In", "values": ["a"]}]}
    expected = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [told]}}}
    assert {"affinity": expected} == plain_value({"affinity": affinity})


@pytest.mark.parametrize(
    "value", [1, "a", None, [1, {"a": (2,)}], MappingProxyType({}), object()], ids=lambda value: type(value).__name__
)
def test_what_holds_no_object_stays_the_same_object(value):
    assert plain_value(value) is value


def test_objects_say_what_words_say():
    objects = {
        "env": [client.V1EnvVar(name="A", value="1"), client.V1EnvVar(name="B")],
        "env_from": [
            client.V1EnvFromSource(secret_ref=client.V1SecretEnvSource(name="s", optional=True)),
            client.V1EnvFromSource(config_map_ref=client.V1ConfigMapEnvSource(name="c"), prefix="P_"),
        ],
        "image_pull_secrets": [client.V1LocalObjectReference(name="r")],
        "tolerations": [client.V1Toleration(key="gpu", operator="Exists", toleration_seconds=5)],
        "security_context": client.V1PodSecurityContext(run_as_user=1000),
        "volumes": {
            "data": {
                "mount_path": "/data",
                "source": client.V1Volume(name="data", nfs=client.V1NFSVolumeSource(path="/", server="n")),
            }
        },
    }

    words = {
        "env": {"A": "1", "B": ""},
        "env_from": [{"secret": "s", "optional": True}, {"config_map": "c", "prefix": "P_"}],
        "image_pull_secrets": ["r"],
        "tolerations": [{"key": "gpu", "operator": "Exists", "tolerationSeconds": 5}],
        "security_context": {"runAsUser": 1000},
        "volumes": {"data": {"mount_path": "/data", "source": {"nfs": {"path": "/", "server": "n"}}}},
    }
    assert words == as_words(plain_value(objects))
    assert words == as_words(words)
    assert node_from({"name": "n", "image": "i", **words})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            {"env": [client.V1EnvVar(name="A", value_from=client.V1EnvVarSource())]},
            "env: 'A' has its value from elsewhere; "
            "take env_from for a whole Secret or ConfigMap, pod_patch for a single key or a field",
        ),
        (
            {"volumes": [client.V1Volume(name="data")]},
            "volumes: a volume needs its place in the container; "
            "write volumes={name: {'mount_path': path, 'source': the V1Volume}}",
        ),
    ],
    ids=["env", "volumes"],
)
def test_what_no_word_says_is_refused_with_the_word_that_does(words, said):
    with pytest.raises(InvalidNode) as refused:
        as_words(plain_value(words))

    assert said == str(refused.value)
