"""The volumes of the local cluster's pods: what is made of each kind, and that a process finds it at its path."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dagset.local.kubelet.environment import NotStartable
from dagset.local.kubelet.volumes import Mount, Volume, missing_claim, mounts_of, volumes_of
from tests.core.local.machine import Machine, machine_at, terminated
from tests.realcluster.fixtures import left_out

Object = dict[str, Any]

CONFIG = {"kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"k": "v", "l": "w"}, "binaryData": {"b": "AAE="}}
SECRET = {"kind": "Secret", "metadata": {"name": "safe"}, "data": {"k": "aGlkZGVu"}}


def lookup(kind: str, name: str) -> Object | None:
    known = {("ConfigMap", "conf"): CONFIG, ("Secret", "safe"): SECRET, ("PersistentVolumeClaim", "data"): {}}
    return known.get((kind, name))


def made(volume: Object, *, root: Path) -> Volume:
    pod = {"spec": {"volumes": [{"name": "v", **volume}]}}
    fields = {"metadata.name": "p"}
    return volumes_of(pod, root=root, claims=root / "claims", lookup=lookup, fields=fields)["v"]


def content(volume: Volume) -> dict[str, tuple[bytes, str]]:
    """Give content and mode of each file."""
    files = [path for path in volume.path.rglob("*") if path.is_file()]
    return {str(path.relative_to(volume.path)): (path.read_bytes(), oct(path.stat().st_mode & 0o777)) for path in files}


FILLED: dict[str, tuple[Object, dict[str, tuple[bytes, str]]]] = {
    "config map": (
        {"configMap": {"name": "conf"}},
        {"k": (b"v", "0o644"), "l": (b"w", "0o644"), "b": (b"\x00\x01", "0o644")},
    ),
    "items and modes": (
        {
            "configMap": {
                "name": "conf",
                "defaultMode": 0o500,
                "items": [{"key": "k", "path": "deep/down"}, {"key": "l", "path": "l", "mode": 0o440}],
            }
        },
        {"deep/down": (b"v", "0o500"), "l": (b"w", "0o440")},
    ),
    "secret": ({"secret": {"secretName": "safe", "defaultMode": 0o400}}, {"k": (b"hidden", "0o400")}),
    "optional": ({"configMap": {"name": "late", "optional": True}}, {}),
    "projected": (
        {
            "projected": {
                "sources": [
                    {"configMap": {"name": "conf", "items": [{"key": "k", "path": "k"}]}},
                    {"secret": {"name": "safe", "items": [{"key": "k", "path": "s"}]}},
                    {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
                ]
            }
        },
        {"k": (b"v", "0o644"), "s": (b"hidden", "0o644"), "name": (b"p", "0o644")},
    ),
}


@pytest.mark.parametrize(("volume", "files"), FILLED.values(), ids=FILLED.keys())
def test_files_come_from_config_maps_and_secrets_and_cannot_be_written(
    tmp_path: Path, volume: Object, files: dict[str, tuple[bytes, str]]
) -> None:
    actual = made(volume, root=tmp_path)

    assert (files, True) == (content(actual), actual.read_only)


def test_other_volumes_are_directories_for_everybody(tmp_path: Path) -> None:
    wanted = {
        "empty": {"emptyDir": {}},
        "shm": {"emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}},
        "claim": {"persistentVolumeClaim": {"claimName": "data"}},
        "host": {"hostPath": {"path": str(tmp_path / "new")}},
    }

    actual = {name: made(volume, root=tmp_path / name) for name, volume in wanted.items()}

    assert {
        "empty": Volume(tmp_path / "empty" / "v"),
        "shm": Volume(tmp_path / "shm" / "v", memory_bytes=8 * 2**20),
        "claim": Volume(tmp_path / "claim" / "claims" / "data"),
        "host": Volume(tmp_path / "new"),
    } == actual
    assert [0o777] * 4 == [volume.path.stat().st_mode & 0o777 for volume in actual.values()]


NOT_YET: dict[str, tuple[Object, str, tuple[str, str] | None]] = {
    "config map": ({"configMap": {"name": "late"}}, 'configmap "late" not found', ("ConfigMap", "late")),
    "secret": ({"secret": {"secretName": "late"}}, 'secret "late" not found', ("Secret", "late")),
    "key": (
        {"configMap": {"name": "conf", "items": [{"key": "no", "path": "x"}]}},
        "configmap references non-existent config key: no",
        ("ConfigMap", "conf"),
    ),
    "key of a secret": (
        {"secret": {"secretName": "safe", "items": [{"key": "no", "path": "x"}]}},
        "references non-existent secret key: no",
        ("Secret", "safe"),
    ),
    "path of the machine": (
        {"hostPath": {"path": "/no/such", "type": "Directory"}},
        "hostPath type check failed: /no/such is not a directory",
        None,
    ),
}


@pytest.mark.parametrize(("volume", "why", "missing"), NOT_YET.values(), ids=NOT_YET.keys())
def test_a_volume_that_cannot_be_made_says_so_as_a_kubelet_does(
    tmp_path: Path, volume: Object, why: str, missing: tuple[str, str] | None
) -> None:
    with pytest.raises(NotStartable) as caught:
        made(volume, root=tmp_path)

    message = f'MountVolume.SetUp failed for volume "v" : {why}'
    assert ("ContainerCreating", message, missing) == (
        caught.value.reason,
        caught.value.message,
        caught.value.missing,
    )


def test_other_kinds_of_volumes_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(NotStartable, match=r"volume 'v': the local cluster has .*, not nfs"):
        made({"nfs": {"server": "s", "path": "/"}}, root=tmp_path)


def test_a_claim_that_is_not_there_is_named() -> None:
    def pod(claim: str) -> Object:
        return {"spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]}}

    assert (None, "x") == (missing_claim(pod("data"), lookup=lookup), missing_claim(pod("x"), lookup=lookup))


def test_mounts_are_outer_first_and_sub_paths_are_made(tmp_path: Path) -> None:
    volumes = {"v": Volume(tmp_path), "r": Volume(tmp_path, read_only=True), "m": Volume(tmp_path, memory_bytes=0)}
    mounts = [
        {"name": "v", "mountPath": "/a/b/", "subPathExpr": "$(INDEX)/x"},
        {"name": "r", "mountPath": "/a"},
        {"name": "v", "mountPath": "/z", "readOnly": True},
        {"name": "m", "mountPath": "/dev/shm"},
    ]

    actual = mounts_of({"volumeMounts": mounts}, volumes=volumes, env={"INDEX": "3"})

    assert [
        Mount("/a", str(tmp_path), read_only=True),
        Mount("/z", str(tmp_path), read_only=True),
        Mount("/a/b", str(tmp_path / "3" / "x"), read_only=False),
        Mount("/dev/shm", str(tmp_path), read_only=False, memory_bytes=0),
    ] == actual
    assert (tmp_path / "3" / "x").is_dir()


def test_a_sub_path_may_not_lead_out_of_its_volume(tmp_path: Path) -> None:
    with pytest.raises(NotStartable, match=r"'\.\./x' leads out of the volume"):
        mounts_of(
            {"volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "../x"}]},
            volumes={"v": Volume(tmp_path)},
            env={},
        )


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine_at(tmp_path) as one:
        if not one.kubelet.capabilities()["peer_host_names"]:
            left_out(f"no namespaces here: {one.kubelet.capabilities()['peer_host_names_by']}")
        yield one


def mounting(*mounts: Object) -> Object:
    return {"volumeMounts": [*mounts]}


PLACES = {
    "right under the root": "/dagset-data",
    "deep": "/dagset-data/a/b",
    "in a directory of the machine": "/etc/dagset/files",
    "over a directory of the machine": "/mnt",
    "beside devices": "/dev/dagset",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
async def test_a_volume_is_where_its_mount_path_says_and_the_machine_keeps_nothing_of_it(
    machine: Machine, place: str
) -> None:
    before = Path(place).exists()
    script = f"cat {place}/k; pwd; test -e /etc/passwd -a -c /dev/null -a -d /proc/self && echo there"
    volumes = [{"name": "v", "configMap": {"name": "conf"}}]
    machine.store.create("ConfigMap", {"metadata": {"name": "conf"}, "data": {"k": "value\n"}})
    container = mounting({"name": "v", "mountPath": place})
    machine.create("p", "/bin/sh", "-c", script, container=container, volumes=volumes)

    pod = await machine.end_of("p")

    work = machine.state / "pods" / pod["metadata"]["uid"] / "work"
    assert f"value\n{work}\nthere\n" == machine.log(pod)
    assert before == Path(place).exists()


async def test_what_is_mounted_read_only_cannot_be_written(machine: Machine) -> None:
    script = "for f in /rw/x /ro/x /files/k /one; do (: >$f) 2>/dev/null && echo $f; done; cat /one"
    machine.store.create("ConfigMap", {"metadata": {"name": "conf"}, "data": {"k": "value\n"}})
    container = mounting(
        {"name": "e", "mountPath": "/rw"},
        {"name": "e", "mountPath": "/ro", "readOnly": True},
        {"name": "c", "mountPath": "/files"},
        {"name": "c", "mountPath": "/one", "subPath": "k"},
    )
    volumes = [{"name": "e", "emptyDir": {}}, {"name": "c", "configMap": {"name": "conf"}}]
    machine.create("p", "/bin/sh", "-c", script, container=container, volumes=volumes)

    assert "/rw/x\nvalue\n" == machine.log(await machine.end_of("p"))


async def test_a_volume_in_memory_is_as_large_as_it_says(machine: Machine) -> None:
    script = "head -c 9000000 /dev/zero >/dev/shm/x 2>/dev/null; stat -c %s /dev/shm/x"
    volumes = [{"name": "m", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}}]
    container = mounting({"name": "m", "mountPath": "/dev/shm"})
    machine.create("p", "/bin/sh", "-c", script, container=container, volumes=volumes)

    assert f"{8 * 2**20}\n" == machine.log(await machine.end_of("p"))


async def test_a_volume_that_comes_later_is_waited_for_and_told_as_an_event(machine: Machine) -> None:
    volumes = [{"name": "v", "configMap": {"name": "late"}}]
    container = mounting({"name": "v", "mountPath": "/v"})
    machine.create("p", "/bin/cat", "/v/k", container=container, volumes=volumes)

    assert "" == await machine.waits("p", "ContainerCreating")
    [event] = machine.store.list("Event")[0]
    machine.store.create("ConfigMap", {"metadata": {"name": "late"}, "data": {"k": "value\n"}})
    pod = await machine.end_of("p")

    why = 'MountVolume.SetUp failed for volume "v" : configmap "late" not found'
    assert ("Warning", "FailedMount", why, "p") == (
        *(event[key] for key in ("type", "reason", "message")),
        event["involvedObject"]["name"],
    )
    assert "value\n" == machine.log(pod)


async def test_a_working_directory_that_is_a_file_cannot_be_entered(machine: Machine) -> None:
    machine.create("p", "/bin/true", container={"workingDir": "/bin/sh"})

    ending = terminated(await machine.end_of("p"))

    message = "unable to start container process: error during container init: mkdir /bin/sh: not a directory"
    assert {"exitCode": 128, "reason": "StartError", "message": message} == ending


async def test_a_claim_is_waited_for_and_keeps_what_was_written(machine: Machine) -> None:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    container = mounting({"name": "v", "mountPath": "/data"})
    machine.create("p", "/bin/sh", "-c", "echo kept > /data/x", container=container, volumes=volumes)

    def reason() -> str | None:
        conditions = (machine.store.get("Pod", "default", "p") or {})["status"].get("conditions") or [{}]
        return conditions[0].get("message")

    why = await machine.until(reason)
    machine.store.create("PersistentVolumeClaim", {"metadata": {"name": "data"}, "spec": {}})
    await machine.end_of("p")
    machine.create("q", "/bin/cat", "/data/x", container=container, volumes=volumes)

    assert '0/1 nodes are available: persistentvolumeclaim "data" not found. not found' == why
    assert "kept\n" == machine.log(await machine.end_of("q"))
