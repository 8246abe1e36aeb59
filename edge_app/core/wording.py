"""Numbers as people read them: counted things, spans of time, figures without digits nobody needs."""

from __future__ import annotations


def counted(count: int, noun: str, plural: str = "") -> str:
    """ "1 recording", "2 recordings", "1 axis", "2 axes"; no blanks between thousands."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def span_text(seconds: float) -> str:
    """A span of time in the unit it reads best in: "2.5 s", "6.58 min", "2.04 h", "3 days"."""
    for unit_s, name in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * unit_s:
            return f"{figure_text(seconds / unit_s)} {name}"
    return f"{figure_text(seconds)} s"


def figure_text(value: float, digits: int = 3) -> str:
    """A number of so many figures and no exponent: "0.0158", "1060", "12.3"."""
    if not value or not 1e-4 <= abs(value) < 1e15:
        return f"{value:.{digits}g}"
    text = f"{float(f'{value:.{digits}g}'):.12f}".rstrip("0").rstrip(".")
    return text
