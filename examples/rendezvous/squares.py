"""Add squares on the workers of a Dask cluster, which this script, as the client, waits for."""

import os

from distributed import Client


def square(number: int) -> tuple[int, str]:
    """Return a square and which worker made it."""
    return number * number, os.environ["DAGSET_INDEX"]


def main() -> None:
    """Find the scheduler by DASK_SCHEDULER_ADDRESS."""
    with Client() as client:
        client.wait_for_workers(int(os.environ["WORKERS"]))
        made = client.gather(client.map(square, range(60)))
    print(f"{sum(each for each, _ in made)} by {len({index for _, index in made})} workers")


if __name__ == "__main__":
    main()
