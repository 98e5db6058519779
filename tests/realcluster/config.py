"""The text of every configuration file, as pure functions; JSON where the reader takes YAML, which contains JSON."""

import base64
import json
import re
from pathlib import Path

from tests.realcluster.images import PAUSE
from tests.realcluster.place import FIRST, GATEWAY, NODE, SECOND, HarnessError, Host, Place

JOBSET_WEBHOOK_PORT, KUEUE_WEBHOOK_PORT = 9443, 9444
KUEUE_METRICS_CERTIFICATES = "etc/kueue/metrics/certs"  # it insists on them, though metrics are off


# Nobody's pods land on the second host but those that tolerate it.
SPARE = {"key": "dagset.test/spare", "value": "true", "effect": "NoSchedule"}


def config_files(place: Place) -> dict[str, str]:
    """Path below the state directory: text, for all programs that read a file."""
    return {
        **host_files(place, host=FIRST),
        "Corefile": corefile(place),
        "jobset.json": json.dumps(jobset(place)),
        "kueue.json": json.dumps(kueue(place)),
        "etc/resolv.conf": f"nameserver {GATEWAY}\n",  # becomes /etc/resolv.conf inside
    }


def host_files(place: Place, *, host: Host) -> dict[str, str]:
    """Path below the host's directory: text."""
    return {
        "containerd.toml": containerd_toml(place.of(host)),
        "cni/10-dagset.conflist": json.dumps(pod_network(place.of(host), host=host)),
        "kubelet.json": json.dumps(kubelet(place, host=host)),
    }


def containerd_toml(directory: Path) -> str:
    """Everything below this directory; no lowering of oom_score_adj, which wants CAP_SYS_RESOURCE."""
    return f"""\
version = 3
root = "{directory}/containerd"
state = "{directory}/containerd-state"

[grpc]
address = "{directory}/containerd.sock"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{PAUSE}"

[plugins."io.containerd.cri.v1.runtime"]
disable_apparmor = true
netns_mounts_under_state_dir = true
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = "{directory}/cni"
use_internal_loopback = true

[plugins."io.containerd.nri.v1.nri"]
disable = true

[plugins."io.containerd.internal.v1.opt"]
path = "{directory}/containerd-opt"
"""


def pod_network(directory: Path, *, host: Host) -> dict:
    """Pods hang on a bridge that is also the host's own address; their default route ends there."""
    first = host.gateway.rpartition(".")[0] + ".10"
    return {
        "cniVersion": "1.0.0",
        "name": "dagset",
        "plugins": [
            {
                "type": "bridge",
                "bridge": host.bridge,
                "isGateway": True,
                "hairpinMode": True,
                "ipMasq": False,
                "ipam": {
                    "type": "host-local",
                    "dataDir": f"{directory}/cni-leases",
                    "ranges": [[{"subnet": host.pods, "rangeStart": first, "gateway": host.gateway}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }


def cgroup_of(place: Place, host: Host) -> str:
    """Of a host's pods, below the root of every hierarchy."""
    return f"{place.name}/host{host.suffix}" if host.suffix else place.name


def kubelet(place: Place, *, host: Host) -> dict:
    """Cgroups below one of our own, so that the end of the cluster can remove them; no image or pod is ever evicted."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{place.state}/pki/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{place.of(host)}/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup_of(place, host)}",
        "port": host.kubelet_port,
        "healthzPort": host.health_port,
        # Renewed four times as often: the node controller is told to miss a host soon.
        "nodeLeaseDurationSeconds": 10,
        **({"registerWithTaints": [SPARE], "podLogsDir": f"{place.of(host)}/pod-logs"} if host == SECOND else {}),
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [GATEWAY],
        "clusterDomain": "cluster.local",
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "oomScoreAdj": 0,
        "makeIPTablesUtilChains": False,
        "maxOpenFiles": 20000,
        "maxPods": 200,
        "serializeImagePulls": False,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
    }


def corefile(place: Place) -> str:
    """No cache and a time to live of 0, so that a pod's name is known as soon as the API server knows it."""
    return f"""\
.:53 {{
  bind {GATEWAY}
  errors
  ready 127.0.0.1:8181
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {place.inner_kubeconfig}
    ttl 0
  }}
}}
"""


def jobset(place: Place) -> dict:
    """Leader election and certificate management are on by default and need a pod to live in (jobset: pkg/config)."""
    return {
        "apiVersion": "config.jobset.x-k8s.io/v1alpha1",
        "kind": "Configuration",
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "webhook": {"host": "127.0.0.1", "port": JOBSET_WEBHOOK_PORT, "certDir": f"{place.state}/pki/webhook"},
        "metrics": {"bindAddress": "0"},
        "health": {"healthProbeBindAddress": "127.0.0.1:8081"},
    }


def kueue(place: Place) -> dict:
    """As for JobSet; Kueue looks after Jobs and JobSets only (kueue: apis/config/v1beta2/configuration_types.go)."""
    return {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "webhook": {"host": "127.0.0.1", "port": KUEUE_WEBHOOK_PORT, "certDir": f"{place.state}/pki/webhook"},
        "metrics": {"bindAddress": "0"},
        "health": {"healthProbeBindAddress": "127.0.0.1:8082"},
        "clientConnection": {"qps": 200, "burst": 400},
        "integrations": {"frameworks": ["batch/job", "jobset.x-k8s.io/jobset"]},
        "featureGates": {"VisibilityOnDemand": False},
    }


def kubeconfig(server: str, *, pki: Path, user: str) -> str:
    """A kubeconfig with everything in it, for the certificate `user` in `pki`."""

    def embedded(name: str) -> str:
        return base64.b64encode((pki / name).read_bytes()).decode()

    credentials = {"client-certificate-data": embedded(f"{user}.crt"), "client-key-data": embedded(f"{user}.key")}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": NODE,
            "clusters": [
                {"name": NODE, "cluster": {"server": server, "certificate-authority-data": embedded("ca.crt")}}
            ],
            "users": [{"name": user, "user": credentials}],
            "contexts": [{"name": NODE, "context": {"cluster": NODE, "user": user, "namespace": "default"}}],
        },
        indent=1,
    )


def jobset_webhooks(manifest: str, *, ca_certificate: bytes) -> dict[str, str]:
    """See `_webhooks`; of the pods they meet those of JobSets, as where JobSet is deployed by its own kustomization."""
    own_pods = "jobset.sigs.k8s.io/jobset-name"
    return _webhooks(manifest, port=JOBSET_WEBHOOK_PORT, pods=own_pods, ca_certificate=ca_certificate)


def kueue_webhooks(manifest: str, *, ca_certificate: bytes) -> dict[str, str]:
    """See `_webhooks`; named `kueue-...` beside JobSet's, as by Kueue's own kustomization."""
    manifest = re.sub(r"^(metadata:\n  name: )", r"\1kueue-", manifest, flags=re.M)
    own_pods = "kueue.x-k8s.io/managed"
    return _webhooks(manifest, port=KUEUE_WEBHOOK_PORT, pods=own_pods, ca_certificate=ca_certificate)


def _webhooks(manifest: str, *, port: int, pods: str, ca_certificate: bytes) -> dict[str, str]:
    """Resource and name of each webhook configuration: its YAML, made to fit a controller outside the cluster.

    The manifest of the module points at a service, which becomes an address. Its webhooks for pods meet every pod of
    the cluster; here only those with the label `pods`, so that all others outlive a dead controller.
    """
    bundle = base64.b64encode(ca_certificate).decode()
    text = re.sub(r"\n +service:\n +name: .*\n +namespace: .*", "", manifest)
    address = f"https://127.0.0.1:{port}"
    text = re.sub(r"\n +path: (/\S*)", rf"\n    url: {address}\1\n    caBundle: {bundle}", text)
    selector = f"{{matchExpressions: [{{key: {pods}, operator: Exists}}]}}"
    text = re.sub(r"\n  name: ([mv]pod\S*)", rf"\n  name: \1\n  objectSelector: {selector}", text)
    return {_resource_of(document): document for document in documents(text)}


def documents(manifest: str) -> list[str]:
    """The documents of a YAML text, without the empty ones."""
    return [document for document in re.split(r"^---\n", manifest, flags=re.M) if document.strip()]


def name_of(manifest: str) -> str:
    """The name in the metadata of one document."""
    found = re.search(r"^  name: (\S+)$", manifest, re.M)
    assert found is not None, manifest[:200]
    return found[1]


def _resource_of(webhooks: str) -> str:
    head = re.search(r"^kind: (\S+)\nmetadata:\n  name: (\S+)", webhooks, re.M)
    if head is None:
        raise HarnessError(f"a webhook manifest has a document of an unknown form: {webhooks[:200]!r}")
    return f"{head[1].lower()}s/{head[2]}"
