"""The programs of the cluster: their command lines and where each says that it is ready. Pure."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.realcluster.place import FIRST, GATEWAY, SERVICE_RANGE, Host, Place

API_PORT = 6443
RELAY = Path(__file__).parent / "relay.py"

_ETCD, _ETCD_PEER = "http://127.0.0.1:2379", "http://127.0.0.1:2380"


@dataclass(frozen=True)
class Component:
    """One program, and which sockets it inherits from process 1."""

    name: str
    argv: list[str]
    keep_fds: tuple[int, ...] = ()


def components(place: Place, *, programs: Path, listener: int) -> list[Component]:
    """Every program in the order of starting, less the second host's; `listener` is the relay's socket in process 1."""
    relay = [sys.executable, "-I", str(RELAY), str(listener), str(API_PORT)]
    return [
        Component(name="relay", argv=relay, keep_fds=(listener,)),
        *host_components(place, programs=programs, host=FIRST),
        *(Component(name=name, argv=[str(programs / name), *of(place)]) for name, of in _ARGUMENTS.items()),
    ]


def host_components(place: Place, *, programs: Path, host: Host) -> list[Component]:
    """A host's containerd and kubelet."""
    return [
        Component(name=f"{name}{host.suffix}", argv=[str(programs / name), *of(place, host)])
        for name, of in _HOST_ARGUMENTS.items()
    ]


def health_addresses(place: Place) -> dict[str, str]:
    """Where each component, as seen from inside, answers 200 when it is ready; the relay is judged from outside."""
    return {
        **host_health_addresses(place, host=FIRST),
        "etcd": f"{_ETCD}/health",
        "kube-apiserver": f"https://127.0.0.1:{API_PORT}/readyz",
        "kube-controller-manager": "https://127.0.0.1:10257/healthz",
        "kube-scheduler": "https://127.0.0.1:10259/healthz",
        "coredns": "http://127.0.0.1:8181/ready",
        "jobset": "http://127.0.0.1:8081/readyz",
        "kueue": "http://127.0.0.1:8082/readyz",
    }


def host_health_addresses(place: Place, *, host: Host) -> dict[str, str]:
    """The same of one host's programs."""
    return {
        f"containerd{host.suffix}": f"unix:{place.of(host)}/containerd.sock",
        f"kubelet{host.suffix}": f"http://127.0.0.1:{host.health_port}/healthz",
    }


def _flags(**values: object) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]


def _etcd(place: Place) -> list[str]:
    return _flags(
        name="etcd",
        data_dir=place.state / "etcd",
        listen_client_urls=_ETCD,
        advertise_client_urls=_ETCD,
        listen_peer_urls=_ETCD_PEER,
        initial_advertise_peer_urls=_ETCD_PEER,
        initial_cluster=f"etcd={_ETCD_PEER}",
        log_level="warn",
        unsafe_no_fsync="true",  # the data need not outlive a loss of power
    )


# The gates are for Kubernetes' own PodGroups, alpha in 1.36 (kubernetes: pkg/features/kube_features.go): nothing is
# another with them for pods that have none.
def _apiserver(place: Place) -> list[str]:
    pki = place.state / "pki"
    return _flags(
        etcd_servers=_ETCD,
        advertise_address=GATEWAY,
        secure_port=API_PORT,
        tls_cert_file=pki / "server.crt",
        tls_private_key_file=pki / "server.key",
        client_ca_file=pki / "ca.crt",
        authorization_mode="Node,RBAC",
        enable_admission_plugins="NodeRestriction",
        service_cluster_ip_range=SERVICE_RANGE,
        service_account_issuer="https://kubernetes.default.svc",
        service_account_key_file=pki / "sa.pub",
        service_account_signing_key_file=pki / "sa.key",
        kubelet_client_certificate=pki / "admin.crt",
        kubelet_client_key=pki / "admin.key",
        kubelet_preferred_address_types="InternalIP",
        allow_privileged="true",
        feature_gates="GenericWorkload=true",
        runtime_config="scheduling.k8s.io/v1alpha2=true",
    )


def _controller(place: Place) -> list[str]:
    # The default of 20 requests per second would make a test with 50 pods wait for the client, not for the cluster.
    return _flags(
        kubeconfig=place.inner_kubeconfig,
        leader_elect="false",
        bind_address="127.0.0.1",
        kube_api_qps=200,
        kube_api_burst=400,
    )


def _scheduler(place: Place) -> list[str]:
    return _controller(place) + _flags(feature_gates="GenericWorkload=true,GangScheduling=true")


def _controller_manager(place: Place) -> list[str]:
    pki = place.state / "pki"
    return _controller(place) + _flags(
        service_account_private_key_file=pki / "sa.key",
        root_ca_file=pki / "ca.crt",
        node_monitor_grace_period="20s",  # a lost host is missed after that, instead of after 50 s
        feature_gates="GenericWorkload=true",  # else nobody takes the finalizer off a PodGroup
    )


def _coredns(place: Place) -> list[str]:
    return ["-conf", str(place.state / "Corefile")]


def _jobset(place: Place) -> list[str]:
    return _flags(config=place.state / "jobset.json", kubeconfig=place.inner_kubeconfig)


def _kueue(place: Place) -> list[str]:
    return _flags(config=place.state / "kueue.json", kubeconfig=place.inner_kubeconfig)


def _containerd(place: Place, host: Host) -> list[str]:
    return _flags(config=place.of(host) / "containerd.toml")


def _kubelet(place: Place, host: Host) -> list[str]:
    own_root = _flags(root_dir=place.of(host) / "kubelet") if host.suffix else []
    return own_root + _flags(
        config=place.of(host) / "kubelet.json",
        kubeconfig=place.of(host) / "node.kubeconfig",
        hostname_override=host.name,
        node_ip=host.gateway,
    )


_HOST_ARGUMENTS: dict[str, Callable[[Place, Host], list[str]]] = {"containerd": _containerd, "kubelet": _kubelet}
_ARGUMENTS: dict[str, Callable[[Place], list[str]]] = {
    "etcd": _etcd,
    "kube-apiserver": _apiserver,
    "kube-controller-manager": _controller_manager,
    "kube-scheduler": _scheduler,
    "coredns": _coredns,
    "jobset": _jobset,
    "kueue": _kueue,
}
