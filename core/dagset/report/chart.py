"""The timeline as numbers: one lane per role and index, one bar per pod, in a picture whose size is bounded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dagset.observe.diagnosis import who
from dagset.report.tracks import Track, place_of

__all__ = ["Bar", "Chart", "Mark", "Tick", "chart_of", "spell_s"]

MOST_LANES = 1000
WIDTH, LEFT, TOP = 1000, 110, 24
LANE, TALLEST = 18, 720  # a lane's height while there are few, and of all lanes together
LABEL = 12  # the least height of what has a name of its own
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800)
MOST_TICKS = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """A pod's wait (class `wait`) or run, with what it says when pointed at."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A text beside a height: an index, or a role."""

    y: float
    text: str
    is_role: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment of the axis, or an event in the node's life."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """All that is drawn, in units of the picture; `note` says what was left out, "" if nothing was."""

    width: int
    height: float
    left: int
    top: int
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    restarts: tuple[Tick, ...]
    note: str


def chart_of(tracks: Sequence[Track], *, born_at: float | None, until: float, is_gang: bool) -> Chart | None:
    """Return the picture from the node's creation to `until`; None when there was no pod."""
    if not tracks:
        return None
    shown, note = _shown(tracks)
    lanes = {lane: number for number, lane in enumerate(dict.fromkeys((track.role, track.index) for track in shown))}
    height = min(LANE, TALLEST / len(lanes))
    starts = [at for track in shown for at in (track.made_at, track.began_at) if at is not None]
    begin = min([*starts, *([] if born_at is None else [born_at])], default=until)
    scale = _Scale(begin, max(until, begin + 1.0))
    bars = [
        bar
        for track in shown
        for bar in _bars(track, scale, y=TOP + lanes[track.role, track.index] * height, height=height)
    ]
    return Chart(
        width=WIDTH,
        height=TOP + len(lanes) * height + 8,
        left=LEFT,
        top=TOP,
        bars=tuple(bars),
        marks=tuple(_marks(list(lanes), height)),
        ticks=tuple(_ticks(scale)),
        restarts=tuple(_restarts(shown, scale)) if is_gang else (),
        note=note,
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    begin: float
    end: float

    def x(self, at: float) -> float:
        part = (min(max(at, self.begin), self.end) - self.begin) / (self.end - self.begin)
        return round(LEFT + part * (WIDTH - LEFT - 10), 1)

    def span(self, begin: float, end: float) -> tuple[float, float]:
        """Return where it begins and how wide it is: never too narrow to be seen, and apart from the next."""
        x = self.x(begin)
        return x, round(max(self.x(end) - x - 1, 1.5), 1)


def _shown(tracks: Sequence[Track]) -> tuple[list[Track], str]:
    """Return the pods of at most so many lanes, those that failed first, in their order, and what was left out."""
    lanes = dict.fromkeys((track.role, track.index) for track in tracks)
    if len(lanes) <= MOST_LANES:
        return list(tracks), ""
    failed = dict.fromkeys((track.role, track.index) for track in tracks if track.end == "failed")
    kept = set(list(dict.fromkeys([*failed, *lanes]))[:MOST_LANES])
    text = f"{MOST_LANES} of {len(lanes)} indexes are drawn: those that failed, then the lowest"
    return sorted((track for track in tracks if (track.role, track.index) in kept), key=place_of), text


def _bars(track: Track, scale: _Scale, *, y: float, height: float) -> Iterator[Bar]:
    """Yield its wait and its run, as far as there was either."""
    thick, y = round(max(0.6, height * 0.8), 1), round(y + height * 0.1, 1)
    until = scale.end if track.ended_at is None else track.ended_at
    began = track.began_at if track.began_at is not None else until
    if track.made_at is not None and began > track.made_at:
        x, width = scale.span(track.made_at, began)
        yield Bar(x, y, width, thick, "wait", f"{track.title} waited {spell_s(began - track.made_at)}{_where(track)}")
    if track.began_at is not None or track.end not in ("waiting", "running"):
        x, width = scale.span(began, until)
        yield Bar(x, y, width, thick, track.end, f"{track.title} {track.how}{_where(track)}, {spell_s(until - began)}")


def _where(track: Track) -> str:
    return f" on {track.host}" if track.host else ""


def _marks(lanes: list[tuple[str, int]], height: float) -> list[Mark]:
    """Name each lane while there is room, else each role and every so many indexes of it."""
    every = max(1, round(LABEL / height + 0.49))
    found: list[Mark] = []
    role_at: dict[str, int] = {}
    for number, (role, index) in enumerate(lanes):
        place = number - role_at.setdefault(role, number)
        if place % every == 0:
            y = TOP + number * height + min(height, LABEL) / 2 + 4
            found.append(Mark(round(y, 1), who(role, index), is_role=place == 0))
    return found


def _ticks(scale: _Scale) -> list[Tick]:
    length = scale.end - scale.begin
    step = next((each for each in STEPS_S if length / each <= MOST_TICKS), length / MOST_TICKS)
    return [Tick(scale.x(scale.begin + n * step), spell_s(n * step)) for n in range(int(length / step) + 1)]


def _restarts(tracks: Sequence[Track], scale: _Scale) -> list[Tick]:
    """Return when each further attempt of a gang began."""
    first: dict[int, float] = {}
    for track in tracks:
        if track.attempt and track.made_at is not None:
            first[track.attempt] = min(first.get(track.attempt, track.made_at), track.made_at)
    return [Tick(scale.x(at), f"restart {attempt}") for attempt, at in sorted(first.items())]


def spell_s(seconds: float) -> str:
    """Return `0s`, `90s` as `1m30s`, `2h`, `1d4h`."""
    whole, text = round(max(seconds, 0)), ""
    for unit, unit_s in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, unit_s)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
