"""Argo Workflows in a running cluster: its kinds, its controller and the images of its pods."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from tests.realcluster import argoimages, config, inside
from tests.realcluster.api import Api
from tests.realcluster.place import API_SERVICE, Place
from tests.realcluster.waiting import until

NAME = "argo"
API = "argo-api"  # the API server at its service's address, which Argo's pods and ours ask

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ARGO = "/apis/argoproj.io/v1alpha1"
_HEALTH = "http://127.0.0.1:6060/healthz"
_CONFIG = "workflow-controller-configmap"
_RELAY = Path(__file__).parent / "argorelay.py"
# An interval of a second instead of ten until the controller looks at a workflow again, and of two instead of sixty
# until a pod's progress is written down (argo-workflows: docs/environment-variables.md).
_ENVIRONMENT = {
    "LEADER_ELECTION_DISABLE": "true",
    "DEFAULT_REQUEUE_TIME": "1s",
    "ARGO_PROGRESS_PATCH_TICK_DURATION": "2s",
    "ARGO_PROGRESS_FILE_TICK_DURATION": "1s",
}
# The default of 20 requests per second would make 50 workflows wait for the client, not for the cluster.
_REQUESTS = ["--qps", "200", "--burst", "400"]
# How often a resource template's executor asks: 5 s by default, as for the benchmark.
POLL = "RESOURCE_STATE_CHECK_INTERVAL"


def add(place: Place, *, programs: Path, argo: Path, port: int, poll: str, say: Callable[[str], None]) -> None:
    """All of it, in a cluster that is up; resource templates look every `poll` (such as 1s)."""
    api = Api(port, pki=place.state / "pki")
    crds = {config.name_of(crd): crd for crd in config.documents((argo / "argo-crds.yaml").read_text())}
    for name, crd in crds.items():
        api.apply(f"{_CRDS}/{name}", manifest=crd)
    api.apply(f"/api/v1/namespaces/{NAME}", manifest=_manifest("Namespace", name=NAME))
    _configure(api, poll=poll)
    plurals = {name.partition(".")[0] for name in crds}
    until(place, "kube-apiserver", lambda: plurals <= _served(api), claim="did not serve Argo's kinds")
    say("Argo's kinds served")
    argoimages.load(place, programs=programs, argo=argo)
    say("images imported")
    inside.ask(place, start=API, argv=_relay_command())
    inside.ask(place, start=NAME, argv=_controller_command(place, argo=argo))
    first = inside.first_process(place) or 0
    until(place, NAME, lambda: inside.answers_inside(first, _HEALTH), claim="did not become ready")
    say("argo ready")


def renew(place: Place, *, programs: Path, argo: Path, port: int, poll: str) -> None:
    """Where it runs already: dagset's image as it is now, and another `poll`."""
    _configure(Api(port, pki=place.state / "pki"), poll=poll)
    argoimages.load(place, programs=programs, argo=argo)


def _configure(api: Api, *, poll: str) -> None:
    """Write the controller's ConfigMap, which it watches; new pods have it."""
    executor = {"env": [{"name": POLL, "value": poll}]}
    data = {"metricsConfig": json.dumps({"enabled": False}), "executor": json.dumps(executor)}
    path = f"/api/v1/namespaces/{NAME}/configmaps/{_CONFIG}"
    api.apply(path, manifest=_manifest("ConfigMap", name=_CONFIG, namespace=NAME, data=data))


def _controller_command(place: Place, *, argo: Path) -> list[str]:
    settings = [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
    options = ["--kubeconfig", str(place.inner_kubeconfig), "-n", NAME, "--executor-image", argoimages.EXECUTOR]
    return ["env", *settings, str(argo / "bin/workflow-controller"), *options, *_REQUESTS]


def _relay_command() -> list[str]:
    return [sys.executable, "-I", str(_RELAY), API_SERVICE]


def _served(api: Api) -> set[str]:
    return {resource["name"] for resource in (api.get(_ARGO) or {}).get("resources", [])}


def _manifest(kind: str, *, name: str, namespace: str | None = None, **fields: object) -> str:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return json.dumps({"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields})
