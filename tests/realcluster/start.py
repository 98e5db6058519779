"""Start a cluster, step by step, in an empty state directory."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.realcluster import cgroups, config, inside, kueue
from tests.realcluster.api import Api
from tests.realcluster.components import API_PORT, components, health_addresses
from tests.realcluster.images import BUSYBOX
from tests.realcluster.pki import write_pki
from tests.realcluster.place import GATEWAY, NODE, Place
from tests.realcluster.waiting import until, until_ready

GPUS = {"nvidia.com/gpu": "4"}  # there is no device: so that pods that ask for one are placed

_CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/jobsets.jobset.x-k8s.io"
_JOBSETS = "/apis/jobset.x-k8s.io/v1alpha2/namespaces/default/jobsets"
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1"
_ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"
_NODE = f"/api/v1/nodes/{NODE}"

# The API server sleeps 2 s in a create within 2 s of a CRD's establishment (apiextensions-apiserver:
# pkg/apiserver/customresource_handler.go, justCreated): not to ask before is quicker.
_CRD_SETTLES_S = 2.1


class Start:
    """One start; every wait has an end, and says which component it waited for."""

    def __init__(self, place: Place, *, programs: Path, say: Callable[[str], None]) -> None:
        self._place = place
        self._programs = programs
        self._say = say
        self._health = health_addresses(place)

    def run(self, images: Path) -> None:
        """Bring everything up and prove it; the place's up mark is the last thing written."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            self._write_files(port)
            self._enter_namespaces(listener.fileno())
            parts = components(self._place, programs=self._programs / "bin", listener=listener.fileno())
        self._parts = {part.name: part for part in parts}
        self._api = Api(port, pki=self._place.state / "pki")
        self._start("relay", "containerd", "etcd", "kube-apiserver")
        self._import(images)
        self._wait_ready("kube-apiserver")
        self._start("kube-scheduler", "kubelet", "coredns")
        self._serve_jobsets()
        kueue.serve(self._place, self._api, programs=self._programs)
        self._say("Kueue's kinds served")
        self._start("kube-controller-manager", "jobset")
        kueue.start(self._place, programs=self._programs)
        self._register_webhooks()
        self._wait_for_the_rest()
        self._place.up_mark.write_text(f"{port}\n")
        self._say(f"up: kubeconfig {self._place.kubeconfig}")

    def _write_files(self, port: int) -> None:
        state = self._place.state
        pki, inner = state / "pki", f"https://{GATEWAY}:{API_PORT}"
        write_pki(pki)
        files = {state / name: text for name, text in config.config_files(self._place).items()} | {
            self._place.kubeconfig: config.kubeconfig(f"https://127.0.0.1:{port}", pki=pki, user="admin"),
            self._place.inner_kubeconfig: config.kubeconfig(inner, pki=pki, user="admin"),
            state / "node.kubeconfig": config.kubeconfig(inner, pki=pki, user="node"),
        }
        for path, text in files.items():
            path.parent.mkdir(exist_ok=True)
            path.touch(mode=0o600 if path.suffix == ".kubeconfig" or path == self._place.kubeconfig else 0o644)
            path.write_text(text)
        (state / "log").mkdir()

    def _enter_namespaces(self, listener: int) -> None:
        """Process 1 inherits the relay's socket: it was made outside, and there it stays."""
        cgroups.create(self._place.name)
        namespaces = ["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
        path = f"{self._programs}/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        with self._place.log("init").open("wb") as log:
            process = subprocess.Popen(
                ["unshare", *namespaces, sys.executable, "-I", str(inside.INIT), str(self._place.state)],
                env={"PATH": path, "HOME": str(self._place.state), "LANG": "C.UTF-8"},  # and no proxy of the machine's
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[listener],
                start_new_session=True,
            )
        until(
            self._place,
            "init",
            lambda: inside.answers(f"unix:{self._place.control}"),
            claim="did not prepare the namespaces",
            alive=lambda: process.poll() is None,
        )

    def _start(self, *names: str) -> None:
        for name in names:
            part = self._parts[name]
            inside.ask(self._place, start=name, argv=part.argv, keep_fds=part.keep_fds)

    def _import(self, images: Path) -> None:
        self._wait_ready("containerd")
        address = self._health["containerd"].removeprefix("unix:")
        command = [str(self._programs / "bin/ctr"), "-a", address, "-n", "k8s.io", "images", "import", str(images)]
        with self._place.log("ctr").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        until(
            self._place,
            "ctr",
            lambda: process.poll() == 0,
            claim="did not import the images",
            alive=lambda: process.poll() in (None, 0),
        )
        self._say("images imported")

    def _serve_jobsets(self) -> None:
        """Before any controller starts, as each looks only now and then for resources that came later.

        The JobSet controller says that it is ready and does nothing for 12 s; the garbage collector looks every 30 s,
        and until then no foreground deletion of a JobSet ends.
        """
        self._api.apply(_CRD, manifest=(self._programs / "jobset-crd.yaml").read_text())
        until(self._place, "kube-apiserver", lambda: self._api.get(_JOBSETS) is not None, claim="did not serve JobSets")
        self._served_since = time.monotonic()
        self._say("JobSets served")

    def _register_webhooks(self) -> None:
        self._wait_ready("jobset")
        webhooks = config.jobset_webhooks(
            (self._programs / "jobset-webhooks.yaml").read_text(),
            ca_certificate=(self._place.state / "pki/ca.crt").read_bytes(),
        )
        for resource, manifest in webhooks.items():
            self._api.apply(f"{_WEBHOOKS}/{resource}", manifest=manifest)
        kueue.register(self._place, self._api, programs=self._programs)
        self._say("kueue ready")

    def _wait_for_the_rest(self) -> None:
        for name in ("kube-controller-manager", "kube-scheduler", "coredns"):
            self._wait_ready(name)
        until(
            self._place,
            "kubelet",
            lambda: takes_pods(self._api.get(_NODE)),
            claim="did not make the node ready for pods",
        )
        self._say("node ready for pods")
        self._api.merge(f"{_NODE}/status", change={"status": {"capacity": GPUS, "allocatable": GPUS}})
        until(
            self._place,
            "kube-controller-manager",
            lambda: self._api.get(_ACCOUNT) is not None,
            claim="did not make the default service account",
        )
        self._say("default service account made")
        time.sleep(max(0, self._served_since + _CRD_SETTLES_S - time.monotonic()))
        until(self._place, "jobset", lambda: webhooks_answer(self._api), claim="did not answer as a webhook")

    def _wait_ready(self, name: str) -> None:
        until_ready(self._place, name)
        self._say(f"{name} ready")


def takes_pods(node: dict | None) -> bool:
    """Is it Ready, and has the node controller taken away the taint that it gives to nodes that are not?"""
    conditions = (node or {}).get("status", {}).get("conditions", [])
    ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    return ready and not (node or {}).get("spec", {}).get("taints")


def webhooks_answer(api: Api) -> bool:
    """Does the one fill in what a JobSet leaves out, and the other refuse one that names a role it does not have?"""
    filled = api.dry_run(_JOBSETS, manifest=_jobset(successPolicy={"operator": "All"}))
    refused = api.dry_run(_JOBSETS, manifest=_jobset(successPolicy={"operator": "All", "targetReplicatedJobs": ["no"]}))
    return "network" in filled.get("spec", {}) and "vjobset.kb.io" in refused.get("message", "")


def _jobset(**spec: object) -> dict:
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": BUSYBOX}]}}
    role = {"name": "only", "template": {"spec": {"template": pod}}}
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": "proof"},
        "spec": {"replicatedJobs": [role], **spec},
    }
