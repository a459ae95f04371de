"""Whether what a subscription got is what was committed: all of it, once, in order, and every gap
told with its count.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Received:
    key: str
    number: int
    attempt: int
    position: str


@dataclass(frozen=True)
class Notice:
    """That events were lost."""

    count: int | None  # on all channels together; None where it is not known


@dataclass
class Stream:
    """What one subscription got.

    Its start is exact if nothing was under way when it began. It is whole unless its connection
    broke.
    """

    items: list = field(default_factory=list)
    floor: dict = field(default_factory=dict)  # by key, the last number that it need not have
    is_exact: bool = True
    is_whole: bool = True

    def events(self):
        return [item for item in self.items if isinstance(item, Received)]

    def notices(self):
        return [item for item in self.items if isinstance(item, Notice)]

    def last(self, key):
        return max((event.number for event in self.events() if event.key == key), default=0)


@dataclass(frozen=True)
class Gap:
    """Events of a key that are missing between two places in a stream."""

    key: str
    first: int
    last: int
    after: int  # index of the item behind which they should be; -1: the start
    before: int  # index of the item before which they should be

    @property
    def size(self):
        return self.last - self.first + 1

    def __str__(self):
        return f"{self.key} {self.first} to {self.last}"


def faults(committed, stream, may_be_uncounted=False):
    """What is wrong with a stream, as sentences; none if nothing is.

    :param committed: by key, the attempts of the numbers from 1 on.
    :param may_be_uncounted: whether a gap may be told without its count.
    """
    found = []
    gaps = []
    last = {}  # by key: number and index
    positions = set()
    for index, item in enumerate(stream.items):
        if isinstance(item, Notice):
            if item.count is None and not may_be_uncounted:
                found.append("a gap was told without its count")
            continue
        attempts = committed.get(item.key, [])
        if not (0 < item.number <= len(attempts) and attempts[item.number - 1] == item.attempt):
            found.append(f"{item.key} {item.number} was never committed")
            continue
        if item.position in positions:
            found.append(f"position {item.position} came twice")
        positions.add(item.position)
        floor = stream.floor.get(item.key, 0)
        number, at = last.get(item.key, (min(floor, item.number - 1), -1))
        if item.number <= number:
            found.append(f"{item.key} {item.number} came twice or behind {number}")
            continue
        if item.number > number + 1:
            gaps.append(Gap(item.key, number + 1, item.number - 1, at, index))
        last[item.key] = (item.number, index)
    if stream.is_whole:
        for key, attempts in committed.items():
            number, _ = last.get(key, (stream.floor.get(key, 0), -1))
            if number < len(attempts):
                found.append(f"{key} {number + 1} to {len(attempts)} never came")
    return found + told_wrong(stream, gaps)


def told_wrong(stream, gaps):
    """What is wrong with the notices, given what is missing."""
    found = []
    told_at = [i for i, item in enumerate(stream.items) if isinstance(item, Notice)]
    told = [stream.items[i].count for i in told_at]

    def notices_in(gap):
        return [i for i, at in enumerate(told_at) if gap.after < at < gap.before]

    spans = {}
    for gap in gaps:
        inside = notices_in(gap)
        if inside:
            spans[gap] = (inside[0], inside[-1])
        else:
            found.append(f"{gap} are missing, and no gap was told there")
    # Whatever lies between two notices has to be told by them and those between.
    for start in {first for first, _ in spans.values()}:
        for end in {last for _, last in spans.values()}:
            within = [g for g, (first, last) in spans.items() if start <= first and last <= end]
            missing = sum(gap.size for gap in within)
            counts = told[start : end + 1]
            if within and None not in counts and sum(counts) < missing:
                names = ", ".join(map(str, within))
                found.append(f"{missing} events are missing ({names}), and {sum(counts)} were told")
    missing = sum(gap.size for gap in gaps)
    if stream.is_exact and stream.is_whole and None not in told and sum(told) > missing:
        found.append(f"{sum(told)} events were told to be lost, and {missing} are missing")
    return found


def contradictions(streams):
    """Positions that name different events to different subscribers, as sentences."""
    found = []
    named = {}
    for stream in streams:
        for event in stream.events():
            first = named.setdefault(event.position, event)
            if first != event:
                found.append(f"position {event.position} is {first} and {event}")
    return found
