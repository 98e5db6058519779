"""The pure parts of the kubelet: expansion, environment, names, log lines."""

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from dagset.local.kubelet.environment import (
    Facts,
    NotStartable,
    arguments_of,
    environment_of,
    relocated,
)
from dagset.local.kubelet.expansion import expand
from dagset.local.kubelet.loglines import LogLines, without_times
from dagset.local.kubelet.names import Addresses, group_of, host_of, hosts_text, names_of, peers_of
from dagset.local.kubelet.preparation import Preparation
from dagset.local.kubelet.scheduling import this_machine

Object = dict[str, Any]

EXPANSIONS = {
    "plain": "plain",
    "$(A)": "one",
    "x$(A)y$(B)z": "xoneytwoz",
    "$(NOPE)": "$(NOPE)",
    "$$(A)": "$(A)",
    "$$$(A)": "$one",
    "$$$$(A)": "$$(A)",
    "$$": "$",
    "$": "$",
    "a$": "a$",
    "$A": "$A",
    "$(A": "$(A",
    "$()": "$()",
    "$(LOOP)": "$(A)",
    "$(A)$(": "one$(",
    "$($(A))": "$($(A))",
    "kill -SEGV $$": "kill -SEGV $",
}


@pytest.mark.parametrize(("text", "expanded"), EXPANSIONS.items())
def test_expansion_is_kubernetes_own(text: str, expanded: str) -> None:
    assert expanded == expand(text, variables={"A": "one", "B": "two", "LOOP": "$(A)"})


def nothing(_kind: str, _name: str) -> Object | None:
    return None


def only(*things: Object) -> Any:
    known = {(thing["kind"], thing["metadata"]["name"]): thing for thing in things}
    return lambda kind, name: known.get((kind, name))


def pod(*, container: Object | None = None, **spec: Any) -> Object:
    metadata = {"name": "p-0-abcde", "namespace": "ns", "uid": "pod-uid"}
    metadata |= {"labels": {"a/b": "label"}, "annotations": {"c": "note"}}  # type: ignore[dict-item]
    main = {"name": "main", "image": "busybox:1", "command": ["true"], **(container or {})}
    return {"metadata": metadata, "spec": {"containers": [main], **spec}, "status": {"phase": "Pending"}}


def env_of(*env: Object, env_from: tuple[Object, ...] = (), **facts: Any) -> dict[str, str]:
    one = pod(container={"env": [*env], "envFrom": [*env_from]})
    known = {"lookup": nothing, **facts}
    return environment_of(one, container=one["spec"]["containers"][0], facts=Facts(**known))


def field(name: str, path: str) -> Object:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


CONFIG = {"kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"k": "v", "l": "w"}}
SECRET = {"kind": "Secret", "metadata": {"name": "safe"}, "data": {"k": "aGlkZGVu"}}


def test_later_variables_see_earlier_ones_only() -> None:
    env = [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "$(A)$(C)"},
        {"name": "C", "value": "$(B)"},
        {"name": "D"},
    ]

    assert {"A": "1", "B": "1$(C)", "C": "1$(C)", "D": ""} == env_of(*env)


def test_the_pods_own_variables_win_over_the_base_and_over_env_from() -> None:
    env_from = ({"configMapRef": {"name": "conf"}}, {"prefix": "S_", "secretRef": {"name": "safe"}})

    actual = env_of(
        {"name": "k", "value": "own $(l)"},
        env_from=env_from,
        lookup=only(CONFIG, SECRET),
        base={"l": "x", "HOME": "/h"},
    )

    assert {"HOME": "/h", "k": "own w", "l": "w", "S_k": "hidden"} == actual


def test_downward_fields() -> None:
    paths = {
        "NAME": ("metadata.name", "p-0-abcde"),
        "NAMESPACE": ("metadata.namespace", "ns"),
        "UID": ("metadata.uid", "pod-uid"),
        "LABEL": ("metadata.labels['a/b']", "label"),
        "NOTE": ("metadata.annotations['c']", "note"),
        "NO_NOTE": ("metadata.annotations['none']", ""),
        "POD_IP": ("status.podIP", "127.64.0.1"),
        "HOST_IP": ("status.hostIP", "127.0.0.1"),
        "NODE": ("spec.nodeName", "machine"),
    }

    env = [field(name, path) for name, (path, _) in paths.items()]
    actual = env_of(*env, pod_ip="127.64.0.1", host_ip="127.0.0.1", node_name="machine")

    assert {name: value for name, (_, value) in paths.items()} == actual


def test_keys_of_config_maps_and_secrets() -> None:
    def key(name: str, kind: str, of: str, key: str, *, optional: bool = False) -> Object:
        return {"name": name, "valueFrom": {kind: {"name": of, "key": key, "optional": optional}}}

    env = [key("A", "configMapKeyRef", "conf", "k"), key("B", "secretKeyRef", "safe", "k")]
    optional = [
        key("C", "configMapKeyRef", "none", "k", optional=True),
        key("D", "configMapKeyRef", "conf", "z", optional=True),
    ]

    assert {"A": "v", "B": "hidden"} == env_of(*env, *optional, lookup=only(CONFIG, SECRET))


MISSING: dict[str, tuple[Object, str, tuple[str, str] | None]] = {
    "config map": (
        {"configMapKeyRef": {"name": "none", "key": "k"}},
        'configmap "none" not found',
        ("ConfigMap", "none"),
    ),
    "key": (
        {"configMapKeyRef": {"name": "conf", "key": "z"}},
        "couldn't find key z in ConfigMap ns/conf",
        ("ConfigMap", "conf"),
    ),
    "field": ({"fieldRef": {"fieldPath": "spec.nope"}}, "the local cluster does not know the field 'spec.nope'", None),
    "source": ({"fileKeyRef": {}}, "the local cluster does not know the variable source fileKeyRef", None),
}


@pytest.mark.parametrize(("source", "message", "missing"), MISSING.values(), ids=MISSING.keys())
def test_a_variable_without_a_value_keeps_the_pod_waiting(
    source: Object, message: str, missing: tuple[str, str] | None
) -> None:
    with pytest.raises(NotStartable, match=message) as caught:
        env_of({"name": "A", "valueFrom": source}, lookup=only(CONFIG))

    assert ("CreateContainerConfigError", missing) == (caught.value.reason, caught.value.missing)


def test_command_and_args_are_expanded_and_moved() -> None:
    container = {"name": "main", "command": ["run", "$(A)", "/files/x"], "args": ["$(FILES)/y", "/filesystem", "$$(A)"]}
    facts = Facts(lookup=nothing, mounts={"/files": "/real"})

    actual = arguments_of(container, env={"A": "1", "FILES": "/real"}, facts=facts)

    assert ["run", "1", "/real/x", "/real/y", "/filesystem", "$(A)"] == actual


def test_no_command_says_to_give_one() -> None:
    with pytest.raises(NotStartable) as caught:
        arguments_of({"name": "main", "args": ["x"]}, env={}, facts=Facts(lookup=nothing))

    words = "the local cluster runs processes, not images: give command (container 'main' has only an image)"
    assert ("CreateContainerConfigError", words) == (caught.value.reason, caught.value.message)


def test_requests_and_limits_are_counted_in_their_divisor_and_rounded_up() -> None:
    def share(name: str, resource: str, divisor: str = "0") -> Object:
        return {"name": name, "valueFrom": {"resourceFieldRef": {"resource": resource, "divisor": divisor}}}

    resources = {"limits": {"cpu": "1500m", "memory": "64Mi"}, "requests": {"cpu": "10m"}}
    env = [
        share("CPU", "limits.cpu"),
        share("MEMORY", "limits.memory", "1Mi"),
        share("ASKED", "requests.cpu", "1m"),
        share("LIMIT_IS_REQUEST", "requests.memory"),
        share("ALL_OF_THE_MACHINE", "limits.ephemeral-storage"),
    ]
    one = pod(container={"env": env, "resources": resources})
    facts = Facts(lookup=nothing, has={"ephemeral-storage": Fraction(7)})

    actual = environment_of(one, container=one["spec"]["containers"][0], facts=facts)

    assert {
        "CPU": "2",
        "MEMORY": "64",
        "ASKED": "10",
        "LIMIT_IS_REQUEST": str(64 * 2**20),
        "ALL_OF_THE_MACHINE": "7",
    } == actual


def test_a_secret_that_is_no_text_keeps_its_bytes() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "safe"}, "data": {"k": "/w=="}, "stringData": {"t": "text"}}

    actual = env_of(env_from=({"secretRef": {"name": "safe"}},), lookup=only(secret))

    assert {"k": b"\xff", "t": b"text"} == {name: os.fsencode(value) for name, value in actual.items()}


def test_the_longest_mount_path_wins() -> None:
    mounts = {"/a": "/1", "/a/b": "/2"}

    assert ["/1", "/1/c", "/2", "/2/c", "/ab", "x/a"] == [
        relocated(text, mounts=mounts) for text in ("/a", "/a/c", "/a/b", "/a/b/c", "/ab", "x/a")
    ]


def test_a_mount_path_in_a_variable_moves_before_it_is_expanded() -> None:
    env = [{"name": "DAGSET_FILES", "value": "/etc/dagset/files"}, {"name": "X", "value": "$(DAGSET_FILES)/x"}]

    actual = env_of(*env, mounts={"/etc/dagset/files": "/state/files"})

    assert {"DAGSET_FILES": "/state/files", "X": "/state/files/x"} == actual


def test_without_namespaces_the_coordinator_is_an_address() -> None:
    numbers = {"js-leader-0-0.js": "127.64.0.9"}
    env = [
        {"name": "DAGSET_COORDINATOR", "value": "js-leader-0-0.js"},
        {"name": "URL", "value": "tcp://$(DAGSET_COORDINATOR):1"},
        {"name": "OTHER", "value": "js-leader-0-0.js"},
    ]

    actual = env_of(*env, numbers=numbers)

    assert {
        "DAGSET_COORDINATOR": "127.64.0.9",
        "URL": "tcp://127.64.0.9:1",
        "OTHER": "js-leader-0-0.js",
    } == actual


def test_addresses_are_never_shared_and_stay_until_released() -> None:
    addresses = Addresses(seed="state")
    first = dict(addresses.of("a", hosts=[f"h{number}" for number in range(600)]))
    second = dict(addresses.of("b", hosts=["h0"]))
    every = [*first.values(), *second.values()]

    assert first == addresses.of("a", hosts=["ignored"])
    assert 601 == len(set(every))
    assert not [address for address in every if address.endswith((".0", ".255")) or not address.startswith("127.")]
    addresses.release("a")
    assert {"h": "x"}.keys() == addresses.of("a", hosts=["h"]).keys()


def test_the_pods_of_a_jobset_are_known_before_they_exist() -> None:
    def one(name: str, pods: int, replicas: int = 1) -> Object:
        return {"name": name, "replicas": replicas, "template": {"spec": {"completions": pods}}}

    jobset = {
        "kind": "JobSet",
        "metadata": {"name": "js", "uid": "u"},
        "spec": {"replicatedJobs": [one("leader", 1), one("worker", 2, replicas=2)]},
    }
    member = pod(hostname="js-worker-1-0", subdomain="js")
    member["metadata"]["labels"] = {"jobset.sigs.k8s.io/jobset-name": "js"}

    assert jobset == group_of(member, lookup=only(jobset))
    assert ["js-leader-0-0", "js-worker-0-0", "js-worker-0-1", "js-worker-1-0", "js-worker-1-1"] == peers_of(jobset)
    assert "js-worker-1-0" == host_of(member)


def test_a_pod_of_a_plain_job_has_peers_only_with_a_subdomain() -> None:
    job = {"kind": "Job", "metadata": {"name": "j", "uid": "u"}, "spec": {"completions": 2}}
    member = pod(hostname="j-0", subdomain="net")
    member["metadata"]["annotations"] = {"batch.kubernetes.io/job-completion-index": "0"}
    member["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "j", "uid": "u"}]
    alone = {**member, "spec": {**member["spec"], "subdomain": None}}

    assert (job, None) == (group_of(member, lookup=only(job)), group_of(alone, lookup=only(job)))
    assert ["j-0", "j-1"] == peers_of(job)


def test_the_hosts_file_has_the_full_name_first() -> None:
    lines = [
        ("127.64.0.1", names_of("h", subdomain="js", namespace="ns")),
        ("127.64.0.2", names_of("i", subdomain=None, namespace="ns")),
    ]

    machine, heading = "127.0.0.1 localhost\n", "# pods of the local cluster\n"
    added = "127.64.0.1\th.js.ns.svc.cluster.local h.js h\n127.64.0.2\ti\n"
    assert machine + heading + added == hosts_text(machine + "\n", lines=lines)


@pytest.mark.parametrize(
    ("names_resolve", "coordinator"), [(True, "js-w-0-0.js"), (False, "127.x")], ids=["namespaces", "no namespaces"]
)
def test_a_pod_can_reach_its_coordinator_either_way(tmp_path: Path, names_resolve: bool, coordinator: str) -> None:
    replicated = {"name": "w", "replicas": 1, "template": {"spec": {"completions": 2}}}
    jobset = {"kind": "JobSet", "metadata": {"name": "js", "uid": "u"}, "spec": {"replicatedJobs": [replicated]}}
    env = [{"name": "DAGSET_COORDINATOR", "value": "js-w-0-0.js"}]
    member = pod(container={"env": env}, hostname="js-w-0-1", subdomain="js")
    member["metadata"]["labels"] = {"jobset.sigs.k8s.io/jobset-name": "js"}

    preparation = Preparation(state=tmp_path, machine=this_machine("machine", disk=tmp_path))
    prepared = preparation.prepare(member, lookup=only(jobset), names_resolve=names_resolve)
    main, mode = member["spec"]["containers"][0], "mount" if names_resolve else None
    order = preparation.order(member, container=main, ready=prepared, lookup=only(jobset), mode=mode)

    hosts = dict(reversed(line.split("\t")) for line in (tmp_path / "hosts" / "u").read_text().splitlines()[-2:])
    leader = hosts["js-w-0-0.js.ns.svc.cluster.local js-w-0-0.js js-w-0-0"]
    assert prepared.place.pod_ip == hosts["js-w-0-1.js.ns.svc.cluster.local js-w-0-1.js js-w-0-1"]
    assert (coordinator if names_resolve else leader) == order["env"]["DAGSET_COORDINATOR"]


def test_without_namespaces_paths_of_volumes_are_rewritten(tmp_path: Path) -> None:
    mounts = [{"name": "v", "mountPath": "/etc/dagset/files"}]
    env = [{"name": "DAGSET_FILES", "value": "/etc/dagset/files"}]
    container = {"command": ["run", "$(DAGSET_FILES)/x", "/etc/dagset/files/y"], "workingDir": "/no/such/directory"}
    one = pod(container={**container, "env": env, "volumeMounts": mounts}, volumes=[{"name": "v", "emptyDir": {}}])
    preparation = Preparation(state=tmp_path, machine=this_machine("machine", disk=tmp_path))
    main = one["spec"]["containers"][0]

    def order(mode: str | None) -> tuple[list[str], str, str]:
        ready = preparation.prepare(one, lookup=nothing, names_resolve=mode is not None)
        found = preparation.order(one, container=main, ready=ready, lookup=nothing, mode=mode)
        return found["argv"], found["env"]["DAGSET_FILES"], found["cwd"]

    place = f"{tmp_path}/pods/pod-uid"
    real, files = f"{place}/volumes/v", "/etc/dagset/files"
    assert (["run", f"{real}/x", f"{real}/y"], real, f"{place}/work") == order(None)
    assert (["run", f"{files}/x", f"{files}/y"], files, "/no/such/directory") == order("mount")


def lines_at(*times_ns: int) -> LogLines:
    clock = iter(times_ns)
    return LogLines(now_ns=lambda: next(clock))


def test_log_lines_have_the_time_they_were_read() -> None:
    second = 1_000_000_000
    log = lines_at(0, 5, second + 7)

    assert b"1970-01-01T00:00:00.000000001Z one\n" == log.feed(b"one\ntw")
    assert b"1970-01-01T00:00:00.000000005Z two\n" == log.feed(b"o\nrest")
    assert b"1970-01-01T00:00:01.000000007Z rest\n" == log.end()
    assert b"" == log.end()


def test_no_two_lines_have_the_same_time() -> None:
    stamps = [line[:30] for line in lines_at(*[9] * 3).feed(b"a\n\nb\n").splitlines()]

    assert [b"1970-01-01T00:00:00.%09dZ" % number for number in (9, 10, 11)] == stamps


def texts_of(log: bytes) -> list[bytes]:
    return [line.partition(b" ")[2] for line in log.split(b"\n")[:-1]]


def test_a_long_line_stays_whole_and_is_not_held_back() -> None:
    log = LogLines()

    begin = log.feed(b"x" * 40_000)
    rest = log.feed(b"y\n\xff\x00\r\n") + log.end()

    assert b"x" * 40_000 == begin[31:]
    assert [b"x" * 40_000 + b"y", b"\xff\x00\r"] == texts_of(begin + rest)


def test_a_line_over_1_mib_is_split_and_its_last_piece_may_lack_the_end() -> None:
    log = LogLines()

    out = b"".join(log.feed(b"x" * 300_000) for _ in range(8)) + log.end()

    assert [b"x" * 2**20, b"x" * 2**20, b"x" * (2_400_000 - 2 * 2**20)] == texts_of(out)
    assert b"" == log.end()


def test_the_text_alone_can_be_had_from_the_middle_of_a_log() -> None:
    log = b"01-01T00:00:00.000000001Z cut\n1970-01-01T00:00:00.000000002Z a b\n1970-01-01T00:00:00.000000003Z \n"

    assert b"cut\na b\n\n" == without_times(log)
    assert b"a b\n" == without_times(b"half a line\n1970-01-01T00:00:00.000000002Z a b\n")
