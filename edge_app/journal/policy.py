# Runs unchanged on MicroPython.
"""What a full journal gives up, how losses are told, who still has to confirm: rules on plain integers."""

LEVELS = ("ok", "info", "warn", "alarm")
"""Levels in rising rank."""

RANK_ALARM = 3
"""Rank that is committed at once and sent before everything else."""

TRIES_MAX = 3
"""A message refused this often is put into quarantine."""

REASON_REFUSED = 0x80
"""MQTT 5 reason codes from here on are refusals. Source: MQTT 5.0 section 2.4 "Reason Code"."""

REASON_QUOTA = 0x97
"""Quota exceeded: a refusal that passes, so the message is tried again. Source: MQTT 5.0 section 3.4.2.1."""


def rank(level: str) -> int:
    """Rank of a level, 0 (ok) to 3 (alarm); an unknown level counts as alarm, so it is never given up by mistake."""
    return LEVELS.index(level) if level in LEVELS else RANK_ALARM


def add_range(ranges: list[list[int]], first: int, last: int) -> None:
    """Put first..last (both included) into a rising list of [from, to] pairs, in place; touching ones become one."""
    at = 0
    while at < len(ranges) and ranges[at][1] + 1 < first:
        at += 1
    while at < len(ranges) and ranges[at][0] <= last + 1:
        first = min(first, ranges[at][0])
        last = max(last, ranges[at][1])
        del ranges[at]
    ranges.insert(at, [first, last])


def ranges_of(numbers: list[int]) -> list[list[int]]:
    """Rising list of [from, to] pairs that holds exactly `numbers`."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number <= ranges[-1][1] + 1:
            ranges[-1][1] = max(ranges[-1][1], number)
        else:
            ranges.append([number, number])
    return ranges


def count(ranges: list[list[int]]) -> int:
    """How many numbers the ranges hold."""
    total = 0
    for first, last in ranges:
        total += last - first + 1
    return total


def victims(
    rows: list[tuple[tuple[int, int, int], int, int]], needed_bytes: int, rank_max: int
) -> list[tuple[int, int, int]]:
    """Which rows a full journal gives up: lowest rank first, then oldest, until `needed_bytes` are free.

    Parameters
    ----------
    rows : list of (key, rank, size_bytes)
        Oldest first; a key is (life, boot, seq).
    needed_bytes : int
    rank_max : int
        Rows above this rank stay: nothing is given up for something less important.

    Returns
    -------
    list of keys; may free less than was asked for
    """
    chosen: list[tuple[int, int, int]] = []
    free = 0
    for level in range(rank_max + 1):
        for key, row_rank, size in rows:
            if free >= needed_bytes:
                return chosen
            if row_rank == level:
                chosen.append(key)
                free += size
    return chosen


def refusal(reason: int, tries: int) -> str:
    """What becomes of a message the broker refused: "quarantine" or "again".

    `tries` counts the refusals so far, this one included.
    """
    if reason >= REASON_REFUSED and reason != REASON_QUOTA:
        return "quarantine"
    return "quarantine" if tries >= TRIES_MAX else "again"


def take_ranges(
    entries: list[tuple[str, int, int, int]], most: int
) -> tuple[list[tuple[str, int, list[list[int]]]], int]:
    """Cut a list of (jid, boot, from, to) to what one gap record tells: at most `most` ranges, grouped.

    Returns [(jid, boot, [[from, to], …]), …] in the order of first appearance, and how many entries were taken.
    """
    grouped: list[tuple[str, int, list[list[int]]]] = []
    taken = 0
    for jid, boot, first, last in entries[:most]:
        taken += 1
        for group in grouped:
            if group[0] == jid and group[1] == boot:
                add_range(group[2], first, last)
                break
        else:
            grouped.append((jid, boot, [[first, last]]))
    return grouped, taken
