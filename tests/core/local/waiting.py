"""Waiting for the store without polling it."""

import asyncio
from collections.abc import Callable
from typing import Any

from dagset.local.store import Store


async def until(store: Store, is_true: Callable[[], Any], *, patience_s: float) -> Any:
    """Wait for a change of the store after which `is_true` gives something, and give that."""
    changed = asyncio.Event()
    unsubscribe = store.subscribe(lambda *_: changed.set())
    try:
        async with asyncio.timeout(patience_s):
            while not (found := is_true()):
                changed.clear()
                await changed.wait()
    finally:
        unsubscribe()
    return found
