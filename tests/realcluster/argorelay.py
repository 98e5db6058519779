"""Answer at the API server's service address in the cluster's network, where pods look for it: `argorelay.py ADDRESS`.

There is no kube-proxy. The address is given to the bridge that pods hang on, and connections to its port 443 are
handed on to the API server.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

# It runs alone, in an isolated Python.
sys.path.insert(0, str(Path(__file__).parent))

import relay

_BRIDGE, _SERVICE_PORT, _API_PORT = "dagset0", 443, 6443


async def _forward(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    await relay.forward(_API_PORT, source=source, sink=sink)


async def main(service: str) -> None:
    subprocess.run(["ip", "addr", "replace", f"{service}/32", "dev", _BRIDGE], check=True, timeout=30)
    server = await asyncio.start_server(_forward, service, _SERVICE_PORT, backlog=256)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
