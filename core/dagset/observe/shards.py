"""A mapping that never changes and is cheap to copy with a change, so that a fold over 100,000 pods stays linear."""

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar
from zlib import crc32

__all__ = ["Shards"]

V = TypeVar("V")
WIDTH = 256


class Shards(Mapping[str, V], Generic[V]):
    """Text to value in 256 dicts; a change copies one of them. Iterates in an order that depends on the keys alone."""

    __slots__ = ("_shards",)

    def __init__(self, shards: tuple[dict[str, V], ...] = ({},) * WIDTH) -> None:
        self._shards = shards

    def __getitem__(self, key: str) -> V:
        return self._shards[_place(key)][key]

    def __iter__(self) -> Iterator[str]:
        return (key for shard in self._shards for key in shard)

    def __len__(self) -> int:
        return sum(map(len, self._shards))

    def put(self, key: str, value: V) -> "Shards[V]":
        """Return a copy that holds `value` under `key`; itself when it already does."""
        if self.get(key) == value:
            return self
        return self._with(_place(key), {**self._shards[_place(key)], key: value})

    def drop(self, key: str) -> "Shards[V]":
        """Return a copy without `key`; itself when it is not there."""
        if key not in self:
            return self
        return self._with(_place(key), {k: v for k, v in self._shards[_place(key)].items() if k != key})

    def changed_since(self, before: "Shards[V]") -> Iterator[tuple[str, V]]:
        """Yield what was put since `before`, which this was made from; costs a look at the shards that differ."""
        for mine, other in zip(self._shards, before._shards, strict=True):
            if mine is not other:
                yield from ((key, value) for key, value in mine.items() if other.get(key) != value)

    def keep(self, wanted: Callable[[V], bool]) -> "Shards[V]":
        """Return a copy of the values that are wanted; costs a look at each."""
        return Shards(tuple({k: v for k, v in shard.items() if wanted(v)} for shard in self._shards))

    def _with(self, place: int, shard: dict[str, V]) -> "Shards[V]":
        return Shards((*self._shards[:place], shard, *self._shards[place + 1 :]))


def _place(key: str) -> int:
    return crc32(key.encode(errors="surrogatepass")) % WIDTH
