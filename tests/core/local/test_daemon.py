"""One daemon per state directory: started on first use, found again, gone when told or idle."""

import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import yaml
from cryptography import x509

from dagset.local import client
from dagset.local.errors import LocalClusterFailed
from dagset.local.state import StateDir, default_state_dir, held, is_alive
from dagset.local.store import Store
from dagset.local.tls import ensure_certificates, server_context
from tests.core.local.calling import job
from tests.core.local.serving import serving, until


@pytest.fixture
def state(tmp_path):
    state = StateDir(tmp_path / "state")
    yield state
    client.stop(state.path)


def pid_of(state):
    return json.loads(state.daemon.read_text())["pid"]


def test_first_use_starts_it_and_the_next_finds_it(state):
    assert state.kubeconfig == client.ensure_running(state.path)
    told = client.status(state.path)
    assert state.kubeconfig == client.ensure_running(state.path)

    assert told == client.status(state.path)
    assert {"running", "state_dir", "log", "kubeconfig", "pid", "port", "started_at", "version"} == set(told)
    assert {0o600} == {path.stat().st_mode & 0o777 for path in (state.kubeconfig, state.token, state.daemon)}
    assert 0o700 == state.path.stat().st_mode & 0o777


def test_racing_clients_start_exactly_one(state):
    code = "import sys, pathlib, dagset.local.client as c; c.ensure_running(pathlib.Path(sys.argv[1]))"
    racers = [subprocess.Popen([sys.executable, "-c", code, str(state.path)]) for _ in range(5)]

    assert [0] * 5 == [racer.wait() for racer in racers]
    assert 1 == state.log.read_text().count(" serving ")


def test_stop_leaves_the_objects_and_no_kubeconfig(state):
    client.ensure_running(state.path)
    pid = pid_of(state)

    assert client.stop(state.path) is True
    assert not state.kubeconfig.exists()
    assert not state.daemon.exists()
    assert client.stop(state.path) is False
    assert {"running": False, "state_dir": str(state.path), "log": str(state.log)} == client.status(state.path)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_after_a_kill_the_next_client_finds_everything_again(state):
    client.ensure_running(state.path)
    before = state.kubeconfig.read_text()
    os.kill(pid_of(state), signal.SIGKILL)
    os.waitpid(pid_of(state), 0)
    client.ensure_running(state.path)

    assert before == state.kubeconfig.read_text()
    assert 2 == state.log.read_text().count(" serving ")


def test_what_a_killed_daemon_left_behind_is_not_taken_for_one_that_serves(state):
    client.ensure_running(state.path)
    left = state.daemon.read_bytes()
    client.stop(state.path)
    state.daemon.write_bytes(left)
    lock = held(state.lock)  # as a child that the daemon was just starting would hold it

    assert client.status(state.path)["running"] is False
    os.close(lock)
    client.ensure_running(state.path)
    assert client.status(state.path)["running"] is True


def test_a_killed_daemon_whose_parent_has_not_noticed_does_not_count():
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert is_alive(child.pid) is False
    assert is_alive(os.getpid()) is True
    assert child.wait() == 0


def test_a_second_daemon_is_refused(tmp_path):
    tmp_path.chmod(0o700)
    with serving(tmp_path) as first:
        second = subprocess.run(
            [sys.executable, "-m", "dagset.local", "--state", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert (1, "") == (second.returncode, second.stdout)
    assert f"the state directory {tmp_path} is in use by the daemon with pid {first.pid}\n" == second.stderr


def test_sigterm_is_an_orderly_end(tmp_path):
    tmp_path.chmod(0o700)
    with serving(tmp_path) as process:
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait()
    assert not (tmp_path / "kubeconfig").exists()


def test_it_ends_when_nobody_needs_it(tmp_path):
    tmp_path.chmod(0o700)
    with serving(tmp_path, idle_s=0.2) as process:
        assert 0 == process.wait(timeout=20)
    assert "idle for" in (tmp_path / "daemon.log").read_text()


def test_it_stays_for_an_unfinished_node(tmp_path):
    StateDir(tmp_path / "state").prepare()
    store = Store(tmp_path / "state" / "objects.sqlite")
    store.create("Job", job())
    store.close()
    with serving(tmp_path / "state", idle_s=0.05) as process:
        until(lambda: datetime.now(UTC).timestamp() - (tmp_path / "state" / "daemon.json").stat().st_mtime > 0.5)
        assert process.poll() is None


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda state: state.path.chmod(0o755), "is open to others (mode 0755)"),
        (lambda state: (state.path / "version").write_text("0\n"), "has format 0, this release of dagset has 1"),
        pytest.param(
            lambda state: os.chown(state.path, 12345, 12345),
            "belongs to uid 12345, not to us",
            marks=pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away"),
        ),
    ],
    ids=["mode", "version", "owner"],
)
def test_a_directory_that_is_not_fit_is_refused_with_a_remedy(state, spoil, words):
    state.prepare()
    spoil(state)

    with pytest.raises(LocalClusterFailed) as caught:
        client.ensure_running(state.path)
    assert words in str(caught.value)
    assert str(state.path) in str(caught.value)


def test_a_failed_start_names_the_log_and_its_last_lines(state):
    state.prepare()
    state.database.write_text("this is no database, and long enough to be looked at " * 50)

    with pytest.raises(LocalClusterFailed) as caught:
        client.ensure_running(state.path)
    assert f"the local cluster could not start; its log {state.log} ends with:" in str(caught.value)
    assert "file is not a database" in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"DAGSET_STATE": "/a/b", "XDG_STATE_HOME": "/x"}, "/a/b"),
        ({"XDG_STATE_HOME": "/x"}, "/x/dagset"),
        ({}, os.path.expanduser("~/.local/state/dagset")),
    ],
)
def test_default_state_dir(environment, expected):
    assert expected == str(default_state_dir(environment))


def test_certificates_are_for_loopback_only_and_kept(tmp_path):
    made = ensure_certificates(tmp_path)
    texts = [path.read_bytes() for path in (made.ca, made.server, made.server_key)]
    ca, server = (x509.load_pem_x509_certificate(text) for text in texts[:2])

    assert made == ensure_certificates(tmp_path)
    assert texts == [path.read_bytes() for path in (made.ca, made.server, made.server_key)]
    server.verify_directly_issued_by(ca)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ["localhost"] == names.get_values_for_type(x509.DNSName)
    assert ["127.0.0.1"] == [str(each) for each in names.get_values_for_type(x509.IPAddress)]
    assert server.not_valid_after_utc - datetime.now(UTC) > timedelta(days=3649)
    assert {0o600} == {path.stat().st_mode & 0o777 for path in (made.ca, made.server, made.server_key)}
    assert ssl.TLSVersion.TLSv1_2 == server_context(made).minimum_version


def test_kubeconfig_is_complete(state):
    found = yaml.safe_load(client.ensure_running(state.path).read_text())

    port = client.status(state.path)["port"]
    assert {"server", "certificate-authority-data"} == set(found["clusters"][0]["cluster"])
    assert f"https://127.0.0.1:{port}" == found["clusters"][0]["cluster"]["server"]
    assert ("dagset-local", "default") == (found["current-context"], found["contexts"][0]["context"]["namespace"])
    assert state.token.read_text() == found["users"][0]["user"]["token"]


def test_importing_the_client_is_cheap():
    code = (
        "import sys, dagset.local.client; print(*{'aiohttp', 'kubernetes', 'cryptography', 'ssl'} & set(sys.modules))"
    )

    assert "\n" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_another_user_gets_at_nothing(state):
    client.ensure_running(state.path)
    for path in (state.path.parents[0], *state.path.parents[1:3]):
        path.chmod(0o755)  # pytest's own folders keep others out as well
    code = f"""
import os
import resource
for path in ({str(state.path)!r}, {str(state.kubeconfig)!r}, {str(state.token)!r}, {str(state.log)!r}):
    try:
        print(path, os.listdir(path) if os.path.isdir(path) else open(path).read())
    except PermissionError:
        print("kept out")
"""
    other = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}
    found = subprocess.run(
        ["/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable, "-c", code],
        capture_output=True, text=True, check=False, **other,
    )  # fmt: skip

    assert (["kept out"] * 4, "") == (found.stdout.splitlines(), found.stderr)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount")
def test_a_disk_that_is_full_at_any_moment_of_the_start_is_told_in_a_sentence(tmp_path):
    """With room for one file more each time: version, lock, log, objects, certificates, kubeconfig, daemon.json..."""
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(partial(started_with_room_for, tmp_path), range(2, 20)))

    failed = [told.splitlines()[-1] for code, told in ends if code == 1]
    assert [1] * len(failed) + [0] * (len(ends) - len(failed)) == [code for code, _ in ends]
    assert 12 < len(failed) < len(ends)
    assert not [told for told in failed if not re.match(r"the state directory /\S+ cannot be used: .", told)]


def started_with_room_for(folder, files):
    """Return the exit code of a daemon that nobody uses, and what it said, on a disk that takes so many files."""
    state = folder / str(files)
    state.mkdir()
    mount = 'mount -t tmpfs -o nr_inodes=$1,mode=700 tmpfs "$2" && exec "$3" -m dagset.local --state "$2"'
    command = ["unshare", "--mount", "sh", "-c", mount, "sh", str(files), str(state), sys.executable]
    environment = {**os.environ, "DAGSET_LOCAL_IDLE_S": "0.1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stderr


@pytest.mark.parametrize("files", [1, 4, 7, 10])
def test_a_daemon_that_is_killed_while_it_starts_leaves_nothing_that_stops_the_next(state, files):
    command = [sys.executable, "-m", "dagset.local", "--state", str(state.path)]
    with subprocess.Popen(command) as starting:
        until(lambda: state.path.exists() and len(list(state.path.iterdir())) >= files)
        starting.kill()

    client.ensure_running(state.path)

    assert client.status(state.path)["running"] is True


def test_a_body_in_bad_chunks_is_refused_and_the_next_request_is_served(tmp_path):
    tmp_path.chmod(0o700)
    good = b"%x\r\n%s\r\n0\r\n\r\n" % (len(CONFIG), CONFIG)
    with serving(tmp_path):
        answers = [answer(tmp_path, body) for body in (b"zz\r\nhello\r\n0\r\n\r\n", b"-1\r\n\r\n", b"\x00" * 100, good)]

    assert [400, 400, 400, 201] == answers


CONFIG = b'{"metadata": {"name": "c"}}'


def answer(folder, chunks):
    """Return the status of the answer to a ConfigMap that is sent in these chunks."""
    state = StateDir(folder)
    told, trust = json.loads(state.daemon.read_text()), ssl.create_default_context(cafile=folder / "ca.crt")
    head = f"Host: localhost\r\nAuthorization: Bearer {state.token.read_text()}\r\nTransfer-Encoding: chunked\r\n\r\n"
    plain = socket.create_connection(("127.0.0.1", told["port"]), timeout=20)
    with plain, trust.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(b"POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\n" + head.encode() + chunks)
        return int(connection.recv(65536).split()[1])


def test_a_disk_that_takes_nothing_is_told_in_a_sentence(tmp_path):
    def full():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    command = [sys.executable, "-m", "dagset.local", "--state", str(tmp_path / "state")]
    found = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=full)

    told = f"the state directory {tmp_path / 'state'} cannot be used: [Errno 27] File too large\n"
    assert (1, told) == (found.returncode, found.stderr)
