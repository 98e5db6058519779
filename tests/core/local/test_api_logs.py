"""Pod logs over HTTP: the file that the kubelet writes, as `kubectl logs` wants it."""

import asyncio

import pytest

from dagset.local.logs import LogQuery, read_log
from tests.core.local.calling import PODS, calling, pod

LINES = [f"2027-01-15T07:59:0{number}.{number}Z line {number}\n" for number in range(6)]


@pytest.fixture
async def call(tmp_path):
    async with calling(tmp_path) as caller:
        yield caller


async def started(call, *, phase="Running"):
    """Create a pod that has written nothing yet; give its log file."""
    _, created = await call("POST", PODS, assigned(pod()))
    path = call.state_dir / "pods" / created["metadata"]["uid"] / "main.log"
    path.parent.mkdir(parents=True)
    path.touch()
    await call.patch(f"{PODS}/p/status", {"status": {"phase": phase}})
    return path


def assigned(thing):
    return {**thing, "spec": {**thing["spec"], "nodeName": "host"}}


async def log(call, **params):
    async with call.stream(f"{PODS}/p/log", **params) as response:
        return response.status, await asyncio.wait_for(response.text(), 10)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, "".join(line[23:] for line in LINES)),
        ({"timestamps": "true"}, "".join(LINES)),
        ({"tailLines": "2"}, "line 4\nline 5\n"),
        ({"tailLines": "0"}, ""),
        ({"tailLines": "99"}, "".join(line[23:] for line in LINES)),
        ({"limitBytes": "9"}, "line 0\nli"),
        ({"sinceTime": "2027-01-15T07:59:04Z"}, "line 4\nline 5\n"),
        ({"sinceTime": "2027-01-15T07:59:04.4Z"}, "line 4\nline 5\n"),
        ({"sinceTime": "2027-01-15T07:59:04.400000001Z"}, "line 5\n"),
        ({"sinceTime": "2027-01-15T08:59:05+01:00"}, "line 5\n"),
        ({"sinceSeconds": "56"}, "line 4\nline 5\n"),
        ({"sinceTime": "2027-01-15T07:59:02Z", "tailLines": "5", "limitBytes": "7", "container": "main"}, "line 2\n"),
    ],
)
async def test_log_gives_what_is_asked_for(call, params, expected):
    path = await started(call)
    path.write_text("".join(LINES))

    assert (200, expected) == await log(call, **params)


async def test_follow_gives_lines_as_they_come_and_ends_with_the_pod(call):
    path = await started(call)
    with path.open("ab", buffering=0) as file:
        async with call.stream(f"{PODS}/p/log", follow="true") as response:
            for number in range(3):
                file.write(LINES[number].encode())
                assert f"line {number}\n".encode() == await asyncio.wait_for(response.content.readline(), 10)
            file.write(LINES[3].rstrip("\n").encode())
            await call.patch(f"{PODS}/p/status", {"status": {"phase": "Succeeded"}})
            assert b"line 3" == await asyncio.wait_for(response.content.read(), 10)


async def test_follow_ends_when_the_pod_is_gone_and_loses_nothing(call):
    path = await started(call)
    async with call.stream(f"{PODS}/p/log", follow="true") as response:
        path.write_text(LINES[0])
        assert b"line 0\n" == await asyncio.wait_for(response.content.readline(), 10)
        with path.open("a") as file:
            file.write(LINES[1])
        path.unlink()
        call.store.remove("Pod", "default", "p")
        assert b"line 1\n" == await asyncio.wait_for(response.content.read(), 10)


async def test_follow_ends_with_the_server(call):
    await started(call)
    async with call.stream(f"{PODS}/p/log", follow="true") as response:
        call.store.end_watches()
        assert b"" == await asyncio.wait_for(response.content.read(), 10)


async def test_log_of_a_pod_that_failed_to_start_is_empty(call):
    path = await started(call, phase="Failed")
    path.unlink()

    assert (200, "") == await log(call)
    assert (200, "") == await log(call, follow="true")


async def test_log_of_a_pod_that_no_host_has_is_empty(call):
    await call("POST", PODS, pod())

    assert (204, "") == await log(call, follow="true")


async def test_refusals(call):
    assert 404 == (await log(call))[0]
    await call("POST", PODS, assigned(pod()))
    status, text = await log(call, follow="true")
    assert 400 == status
    assert 'container \\"main\\" in pod \\"p\\" is waiting to start: ContainerCreating' in text
    assert 400 == (await log(call, container="side"))[0]
    assert 400 == (await log(call, previous="true"))[0]
    assert 400 == (await log(call, tailLines="-1"))[0]
    assert 400 == (await log(call, sinceTime="yesterday"))[0]


async def test_long_logs_come_whole_and_tails_are_found_from_the_end(tmp_path):
    path = tmp_path / "main.log"
    lines = [f"2027-01-15T07:59:00Z {number:0100d}\n".encode() for number in range(5000)]
    path.write_bytes(b"".join(lines))

    async def read(**query):
        query = LogQuery(timestamps=True, **query)
        return [part async for part in read_log(path, query=query, is_over=lambda: True)]

    assert b"".join(lines) == b"".join(await read())
    for count in (1, 600, 1300, 4999, 5000, 5001):
        assert b"".join(lines[-count:]) == b"".join(await read(tail_lines=count))
