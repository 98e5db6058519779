"""The parts of the harness that need neither root nor a cluster."""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.realcluster import cluster, config, images, init
from tests.realcluster.build import MODULES
from tests.realcluster.components import RELAY, components, health_addresses
from tests.realcluster.fixtures import harness, left_out
from tests.realcluster.machine import Machine, apt_line, missing_packages, why_not
from tests.realcluster.place import FIRST, GATEWAY, SERVICE_RANGE, CannotRun, HarnessError, Place, place_at, tail
from tests.realcluster.start import takes_pods

ABLE = {"system": "Linux", "uid": 0, "missing_packages": (), "go_version": "go1.26.8", "built": False}


@pytest.mark.parametrize(
    ("fact", "sentence"),
    [
        pytest.param({}, None, id="able"),
        pytest.param({"system": "Darwin"}, "the real cluster needs Linux, and this is Darwin.", id="not Linux"),
        pytest.param(
            {"uid": 1000},
            "the real cluster needs root (namespaces, mounts, control groups), and this is user 1000: use sudo.",
            id="not root",
        ),
        pytest.param(
            {"missing_packages": ("openssl", "runc")},
            "Debian packages are missing: run `apt-get install -y --no-install-recommends openssl runc`, "
            "or `python -m tests.realcluster install`.",
            id="packages",
        ),
        pytest.param(
            {"go_version": None},
            "Go is not installed, and the programs are not built yet: install Go 1.26 or newer.",
            id="no Go",
        ),
        pytest.param(
            {"go_version": "go1.19.8"},
            "Go 1.26 or newer is needed to build the programs, and this is go1.19.8.",
            id="old Go",
        ),
        pytest.param({"go_version": None, "built": True}, None, id="no Go, but built"),
    ],
)
def test_the_sentence_says_what_the_machine_lacks(fact: dict, sentence: str | None) -> None:
    assert sentence == why_not(Machine(**ABLE | fact))


def test_apt_line_names_the_packages() -> None:
    assert "apt-get install -y --no-install-recommends iproute2 runc" == apt_line(["iproute2", "runc"])


@pytest.mark.parametrize("path", ["/var/tmp/x", "/run/x", "/tmp/" + 80 * "x"])
def test_a_state_directory_that_cannot_work_is_refused(path: str) -> None:
    with pytest.raises(CannotRun, match="choose a"):
        place_at(Path(path))


def test_two_clusters_never_share_a_name() -> None:
    assert place_at(Path("/tmp/a")).name != place_at(Path("/tmp/b")).name
    assert place_at(Path("/tmp/a")).name == place_at(Path("/tmp/x/../a")).name


def test_down_never_empties_a_directory_that_is_no_clusters(short_path: Path) -> None:
    precious = short_path / "thesis.txt"
    precious.write_text("years of work")

    with pytest.raises(HarnessError, match=r"has files in it that are no cluster's"):
        cluster.down(place_at(short_path), say=print)

    assert "years of work" == precious.read_text()


def test_every_component_but_the_relay_has_a_health_address() -> None:
    place = Place(Path("/tmp/s"))

    names = [part.name for part in components(place, programs=Path("/tmp/bin"), listener=3)]

    assert names == ["relay", *health_addresses(place)]


def test_process_1_prepares_the_network_that_the_configuration_names() -> None:
    network = (FIRST.bridge, FIRST.mac, f"{GATEWAY}/24", SERVICE_RANGE)

    assert network == (init.BRIDGE, init.MAC, init.ADDRESS, init.SERVICES)


def test_jobset_webhooks_point_at_the_controller_and_meet_only_its_own_pods() -> None:
    manifest = """\
---
kind: MutatingWebhookConfiguration
metadata:
  name: mutating-webhook-configuration
webhooks:
- clientConfig:
    service:
      name: webhook-service
      namespace: system
      path: /mutate--v1-pod
  name: mpod.kb.io
---
kind: ValidatingWebhookConfiguration
metadata:
  name: validating-webhook-configuration
webhooks:
- clientConfig:
    service:
      name: webhook-service
      namespace: system
      path: /validate-jobset
  name: vjobset.kb.io
"""
    expected = {
        "mutatingwebhookconfigurations/mutating-webhook-configuration": """\
kind: MutatingWebhookConfiguration
metadata:
  name: mutating-webhook-configuration
webhooks:
- clientConfig:
    url: https://127.0.0.1:9443/mutate--v1-pod
    caBundle: Y2E=
  name: mpod.kb.io
  objectSelector: {matchExpressions: [{key: jobset.sigs.k8s.io/jobset-name, operator: Exists}]}
""",
        "validatingwebhookconfigurations/validating-webhook-configuration": """\
kind: ValidatingWebhookConfiguration
metadata:
  name: validating-webhook-configuration
webhooks:
- clientConfig:
    url: https://127.0.0.1:9443/validate-jobset
    caBundle: Y2E=
  name: vjobset.kb.io
""",
    }

    assert expected == config.jobset_webhooks(manifest, ca_certificate=b"ca")


def test_kueues_webhooks_have_names_of_their_own_beside_jobsets() -> None:
    manifest = """\
kind: MutatingWebhookConfiguration
metadata:
  name: mutating-webhook-configuration
webhooks:
- clientConfig:
    service:
      name: webhook-service
      namespace: system
      path: /mutate-batch-v1-job
  name: mjob.kb.io
"""
    expected = """\
kind: MutatingWebhookConfiguration
metadata:
  name: kueue-mutating-webhook-configuration
webhooks:
- clientConfig:
    url: https://127.0.0.1:9444/mutate-batch-v1-job
    caBundle: Y2E=
  name: mjob.kb.io
"""

    assert {"mutatingwebhookconfigurations/kueue-mutating-webhook-configuration": expected} == config.kueue_webhooks(
        manifest, ca_certificate=b"ca"
    )


@pytest.mark.parametrize(
    ("node", "takes"),
    [
        pytest.param(None, False, id="not registered"),
        pytest.param({"spec": {}, "status": {}}, False, id="no conditions"),
        pytest.param(
            {"spec": {}, "status": {"conditions": [{"type": "Ready", "status": "False"}]}}, False, id="not ready"
        ),
        pytest.param(
            {"spec": {"taints": [{}]}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}},
            False,
            id="tainted",
        ),
        pytest.param({"spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}, True, id="ready"),
    ],
)
def test_a_node_takes_pods_when_ready_and_without_taint(node: dict | None, takes: bool) -> None:
    assert takes == takes_pods(node)


def test_the_archive_holds_each_image_under_the_name_that_pods_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing := missing_packages():
        left_out(f"Debian packages are missing: {' '.join(missing)}")
    monkeypatch.setenv("DAGSET_CACHE", str(tmp_path))

    archive = images.archive()

    with tarfile.open(archive) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))
        names = set(tar.getnames())
    assert [["busybox:1"], ["localhost/pause:1"], ["python:3.11-slim"]] == [image["RepoTags"] for image in manifest]
    assert {name for image in manifest for name in [image["Config"], *image["Layers"]]} == names - {"manifest.json"}


def test_tail_gives_the_last_lines_or_says_there_is_no_log(tmp_path: Path) -> None:
    log = tmp_path / "x.log"

    assert f"    (no {log})" == tail(log)
    log.write_text("one\ntwo\nthree\n")
    assert "    two\n    three" == tail(log, lines=2)


@pytest.fixture
def relayed() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A listening socket, and a client's connection to it through a relay."""
    with socket.create_server(("127.0.0.1", 0)) as inner, socket.create_server(("127.0.0.1", 0)) as outer:
        inner.settimeout(20)
        command = [sys.executable, "-I", str(RELAY), str(outer.fileno()), str(inner.getsockname()[1])]
        with subprocess.Popen(command, pass_fds=[outer.fileno()]) as relay:
            with socket.create_connection(outer.getsockname(), timeout=20) as client:
                yield inner, client
            relay.kill()


def test_the_relay_carries_bytes_both_ways_and_passes_on_half_closing(relayed: tuple[socket.socket, ...]) -> None:
    inner, client = relayed
    threading.Thread(target=answer_reversed, args=[inner], daemon=True).start()

    client.sendall(b"abc" * 100_000)
    client.shutdown(socket.SHUT_WR)

    assert b"cba" * 100_000 == b"".join(iter(lambda: client.recv(1 << 16), b""))


def test_the_relay_ends_the_connection_inside_when_the_client_vanishes(relayed: tuple[socket.socket, ...]) -> None:
    inner, client = relayed
    with inner.accept()[0] as connection:
        connection.settimeout(20)
        reset_on_close = struct.pack("ii", 1, 0)

        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset_on_close)
        client.close()

        assert b"" == connection.recv(1)


def answer_reversed(listener: socket.socket) -> None:
    """Answer only when the question has ended, so that a lost half-close would hang."""
    connection, _ = listener.accept()
    with connection:
        question = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        connection.sendall(question[::-1])


FAKE_GO = """\
#!/bin/sh
case "$1" in
env) echo go1.99.0 ;;
build)
    echo "$3" >>"$DAGSET_CACHE/asked"
    sleep 0.05
    if [ -n "$BROKEN" ]; then echo "no such module" >&2; exit 1; fi
    echo program >"$3"
    ;;
list) echo "$DAGSET_CACHE/module" ;;
esac
"""


@pytest.fixture
def fake_go(short_path: Path) -> dict[str, str]:
    """An environment with an empty cache, and a `go` that writes down what it was asked to build."""
    for name in ["crd/bases/jobset.x-k8s.io_jobsets.yaml", "crd/bases/other.yaml", "webhook/manifests.yaml"]:
        path = short_path / "module/config/components" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("kind: Anything\n")
    go = short_path / "bin/go"
    go.parent.mkdir()
    go.write_text(FAKE_GO)
    go.chmod(0o755)
    return {"DAGSET_CACHE": str(short_path), "PATH": f"{go.parent}:{os.environ['PATH']}"}


def test_two_builds_at_once_build_once_and_a_third_needs_no_go(fake_go: dict[str, str]) -> None:
    found: list[str] = []
    builds = [
        threading.Thread(target=lambda: found.append(harness("build", environment=fake_go).stdout)) for _ in range(2)
    ]
    for thread in builds:
        thread.start()
    for thread in builds:
        thread.join()
    without_go = fake_go | {"PATH": os.path.dirname(sys.executable)}

    found.append(harness("build", environment=without_go).stdout)

    cache = Path(found[0].strip())
    assert [found[0]] * 3 == found
    programs = {program for module in MODULES.values() for program in module.programs}
    assert len(programs) == len(Path(fake_go["DAGSET_CACHE"], "asked").read_text().splitlines())
    assert programs == {path.name for path in (cache / "bin").iterdir()}
    assert "kind: Anything\n---\nkind: Anything\n" == (cache / "kueue-crds.yaml").read_text()


def test_argo_is_built_by_itself_from_a_copy_with_the_file_that_its_archive_lacks(fake_go: dict[str, str]) -> None:
    found = harness("build", "--argo", environment=fake_go)
    again = harness("build", "--argo", environment=fake_go | {"PATH": os.path.dirname(sys.executable)})

    built = Path(found.stdout.strip())
    assert found.stdout == again.stdout
    assert {"bin", "argo-crds.yaml"} == {path.name for path in built.iterdir()}
    assert {"workflow-controller", "argoexec"} == {path.name for path in (built / "bin").iterdir()}
    assert 2 == len(Path(fake_go["DAGSET_CACHE"], "asked").read_text().splitlines())


def test_a_change_in_one_module_builds_only_that_one_anew(fake_go: dict[str, str], short_path: Path) -> None:
    harness("build", environment=fake_go)
    asked = short_path / "asked"
    asked.unlink()
    for left in (short_path / "realcluster").glob("*-go1.99.0"):
        shutil.rmtree(left)
    shutil.rmtree(next((short_path / "realcluster/modules").glob("kueue-*")))

    harness("build", environment=fake_go)

    assert ["kueue"] == [Path(line).name for line in asked.read_text().splitlines()]


def test_a_failed_build_says_which_program_and_why_and_leaves_no_cache(fake_go: dict[str, str]) -> None:
    failed = harness("build", environment=fake_go | {"BROKEN": "1"})

    assert 1 == failed.returncode
    assert (
        "`go build … k8s.io/kubernetes/cmd/kube-apiserver` in controlplane failed:\n    no such module" in failed.stderr
    )
    assert [] == list(Path(fake_go["DAGSET_CACHE"], "realcluster").glob("*-go1.99.0"))
