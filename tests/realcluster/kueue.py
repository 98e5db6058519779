"""Kueue in a running cluster: its kinds, its controller, its webhooks, and the proof that they work."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.realcluster import config, inside
from tests.realcluster.api import Api
from tests.realcluster.components import components
from tests.realcluster.images import BUSYBOX
from tests.realcluster.place import Place
from tests.realcluster.waiting import until, until_ready

NAME = "kueue"

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_KUEUE = "/apis/kueue.x-k8s.io/v1beta2"
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1"
_JOBS = "/apis/batch/v1/namespaces/default/jobs"
_FLAVOR = """\
apiVersion: kueue.x-k8s.io/v1beta2
kind: ResourceFlavor
metadata: {name: default}
"""


def serve(place: Place, api: Api, *, programs: Path) -> None:
    """Make the API server know Kueue's kinds; Kueue ends at once where they are not served."""
    crds = {config.name_of(crd): crd for crd in config.documents((programs / "kueue-crds.yaml").read_text())}
    for name, crd in crds.items():
        api.apply(f"{_CRDS}/{name}", manifest=crd)
    plurals = {name.partition(".")[0] for name in crds}
    until(place, "kube-apiserver", lambda: plurals <= served(api), claim="did not serve Kueue's kinds")


def served(api: Api) -> set[str]:
    """Plural names of the kinds that the API server says it has."""
    return {resource["name"] for resource in (api.get(_KUEUE) or {}).get("resources", [])}


def start(place: Place, *, programs: Path) -> None:
    """Start the controller, once its kinds are served."""
    certificates = Path(f"/proc/{inside.first_process(place)}/root", config.KUEUE_METRICS_CERTIFICATES)
    shutil.copytree(place.state / "pki/webhook", certificates, dirs_exist_ok=True)
    part = next(part for part in components(place, programs=programs / "bin", listener=0) if part.name == NAME)
    inside.ask(place, start=NAME, argv=part.argv)


def register(place: Place, api: Api, *, programs: Path) -> None:
    """Put its webhooks in the way of Jobs, JobSets and its own kinds, and prove that they answer; make a flavor.

    Before they are registered nobody holds back what names a queue, and after that nobody makes anything without them.
    """
    until_ready(place, NAME)
    webhooks = config.kueue_webhooks(
        (programs / "kueue-webhooks.yaml").read_text(), ca_certificate=(place.state / "pki/ca.crt").read_bytes()
    )
    for resource, manifest in webhooks.items():
        api.apply(f"{_WEBHOOKS}/{resource}", manifest=manifest)
    until(place, NAME, lambda: holds_back(api), claim="did not answer as a webhook")
    api.apply(f"{_KUEUE}/resourceflavors/default", manifest=_FLAVOR)


def add(place: Place, *, programs: Path, port: int, say: Callable[[str], None]) -> None:
    """All of it, in a cluster that is up."""
    api = Api(port, pki=place.state / "pki")
    serve(place, api, programs=programs)
    say("Kueue's kinds served")
    start(place, programs=programs)
    register(place, api, programs=programs)
    say("kueue ready")


def holds_back(api: Api) -> bool:
    """Is a Job that names a queue suspended when it is created?"""
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": BUSYBOX}]}}
    labels = {"kueue.x-k8s.io/queue-name": "proof"}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "proof", "labels": labels},
        "spec": {"suspend": False, "template": pod},
    }
    return api.dry_run(_JOBS, manifest=job).get("spec", {}).get("suspend") is True
