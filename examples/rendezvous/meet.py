"""Meet all tasks that TF_CONFIG names, each at its own address, as TensorFlow's servers do; needs no TensorFlow."""

import json
import os
import socket
import time

PATIENCE_S = 120


def said_by(address: str) -> str:
    """Return what the task at an address says, when it is there."""
    host, port = address.split(":")
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                return connection.makefile().read()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def main() -> None:
    """Serve this task's name until every task has asked for it, and ask all others for theirs."""
    told = json.loads(os.environ["TF_CONFIG"])
    kind, index = told["task"]["type"], told["task"]["index"]
    tasks = {f"{each}:{place}": at for each, all_at in told["cluster"].items() for place, at in enumerate(all_at)}
    own = f"{kind}:{index}"
    port = tasks[own].split(":")[1]
    with socket.create_server((socket.gethostbyname(socket.gethostname()), int(port))) as server:
        if os.fork() == 0:
            for _ in tasks:
                connection, _address = server.accept()
                with connection:
                    connection.sendall(own.encode())
            os._exit(0)
        met = {name: said_by(address) for name, address in tasks.items()}
        os.wait()
    assert met == {name: name for name in tasks}, met
    print(f"{own} met {', '.join(sorted(met))}", flush=True)


if __name__ == "__main__":
    main()
