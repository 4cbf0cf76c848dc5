"""The arithmetic of the benchmarks: means, pairs, when times have settled.

What does not belong here: engines, files, the terminal. Nothing here measures.
"""

import math
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence

#: A row as it stands in the JSON output: the figures of one engine on one workload.
Row = Dict[str, Any]


class Ratio(NamedTuple):
    """A ratio from paired runs: their median, the least and the greatest."""

    median: float
    least: float
    greatest: float


def geometric_mean(values: Iterable[float]) -> Optional[float]:
    """The geometric mean, or None of nothing."""
    found = list(values)
    return math.exp(sum(map(math.log, found)) / len(found)) if found else None


def median(values: Sequence[float]) -> float:
    """The middle of the values, or the mean of the two in the middle."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def paired(mine: Sequence[float], others: Sequence[float]) -> Optional[Ratio]:
    """The ratio of what was measured in the same rounds; None without a common round.

    Each round gives a ratio of its own, so a machine that is slower in one round than in
    the next spoils none of them.
    """
    ratios = [a / b for a, b in zip(mine, others) if a and b]
    return Ratio(median(ratios), min(ratios), max(ratios)) if ratios else None


def settled(times: Sequence[float], last: int = 4, within: float = 0.05) -> bool:
    """Whether the last times differ by little and nothing before was much faster."""
    if len(times) < last + 1:
        return False
    tail = times[-last:]
    return max(tail) <= min(tail) * (1 + within) and min(tail) <= min(times) * (1 + within)


def order(count: int, turn: int) -> List[int]:
    """In which order engines are measured: every other round backwards."""
    return list(range(count)) if turn % 2 == 0 else list(reversed(range(count)))


def rated(row: Row) -> Row:
    """The row with ``rates`` (per round), ``rate`` (their median) and ``best`` seconds.

    ``seconds`` has the time of each round, ``instructions`` what is executed in one, or in
    each if it is a list.
    """
    seconds, count = row.get("seconds"), row.get("instructions")
    if not seconds or not count:
        return row
    counts = count if isinstance(count, list) else [count] * len(seconds)
    rates = [c / s if s else 0.0 for c, s in zip(counts, seconds)]
    return dict(row, rates=rates, rate=median(rates), best=min(seconds), median=median(seconds))


def ratio_of(row: Optional[Row], base: Optional[Row]) -> Optional[Ratio]:
    """How many times as fast as the base a row is, by the rounds they were paired in."""
    if not row or not base:
        return None
    return paired(row.get("rates", ()), base.get("rates", ()))
