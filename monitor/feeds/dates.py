"""Dates as feeds write them. What is not written in one of the known ways is refused: a wrong date does more harm than none (X17, X18)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Before that, there were no feeds: such a date is a default of some program."""
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_MONTH = r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
_ZONES = {
    "z": 0,
    "ut": 0,
    "utc": 0,
    "gmt": 0,
    "est": -5,
    "edt": -4,
    "cst": -6,
    "cdt": -5,
    "mst": -7,
    "mdt": -6,
    "pst": -8,
    "pdt": -7,
}
"""Those that RFC 822 names. CET, BST, IST and their like mean one thing here and another there."""
_ZONE = rf"(?:(?P<zone>{'|'.join(_ZONES)})|(?:gmt|utc)?(?P<sign>[+-])(?P<ahead>\d\d):?(?P<and>\d\d)?(?: \([^()]*\))?|(?:gmt|utc)(?P<off>[+-]\d))"
_TIME = r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?"
_WAYS = tuple(
    re.compile(way, re.ASCII | re.IGNORECASE)
    for way in (
        rf"(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)(?:[t ]{_TIME} ?{_ZONE}?)?",  # RFC 3339, and with less
        rf"(?P<year>\d{{4}})(?P<month>\d\d)(?P<day>\d\d)t(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?{_ZONE}?",
        rf"(?:[^\W\d_]+\.?,? )?(?P<day>\d\d?)[ -]{_MONTH}[ -](?P<year>\d{{4}}|\d\d)(?:,? {_TIME} ?{_ZONE})?",  # RFC 822
        rf"(?:[^\W\d_]+\.?,? )?{_MONTH} (?P<day>\d\d?) {_TIME} (?:{_ZONE} )?(?P<year>\d{{4}})",  # C's asctime
    )
)
_FURTHEST = timedelta(hours=14)
_USUAL = re.compile(
    r"(?:[A-Z][a-z][a-z], )?(\d\d?) ([A-Z][a-z][a-z]) (\d{4}) (\d\d):(\d\d):([0-5]\d) (?:GMT|UTC|[+-]00:?00)", re.ASCII
)
"""How most feeds write them; `_read_any` reads the same out of it, and takes four times as long."""
_USUAL_MONTHS = {name.capitalize(): number for name, number in _MONTHS.items()}


def read(text: str) -> datetime | None:
    """The moment that `text` names, in UTC; without a zone it counts as UTC. None where it could only be guessed."""
    usual = _USUAL.fullmatch(text)
    if usual is None or usual[2] not in _USUAL_MONTHS:
        return _read_any(text)
    day, month, year, hour, minute, second = usual.groups()
    try:
        moment = datetime(int(year), _USUAL_MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:  # a day 32, an hour 99
        return None
    return moment if moment >= _EARLIEST else None


def _read_any(text: str) -> datetime | None:
    text = " ".join(text[:100].split())
    found = next((match for way in _WAYS if (match := way.fullmatch(text))), None)
    if found is None:
        return None
    parts = found.groupdict()
    month = parts["month"]
    year, second = int(parts["year"]), int(parts.get("second") or 0)
    if len(parts["year"]) == 2:  # noqa: PLR2004 - as RFC 2822 has it
        year += 2_000 if year < 50 else 1_900  # noqa: PLR2004
    try:
        moment = datetime(
            year,
            int(month) if month.isdigit() else _MONTHS[month[:3].lower()],
            int(parts["day"]),
            int(parts.get("hour") or 0),
            int(parts.get("minute") or 0),
            59 if second == 60 else second,  # noqa: PLR2004 - a leap second
            tzinfo=_zone(parts),
        ).astimezone(UTC)
    except (ValueError, OverflowError):  # a month 13, an hour 99, a zone of 15 hours
        return None
    return moment if moment >= _EARLIEST else None


def _zone(parts: dict[str, str | None]) -> timezone:
    """The zone that is named. Raises ValueError when there can be none such."""
    if parts["sign"]:
        ahead = timedelta(hours=int(parts["ahead"] or 0), minutes=int(parts["and"] or 0))
        if ahead > _FURTHEST or int(parts["and"] or 0) > 59:  # noqa: PLR2004
            raise ValueError
        return timezone(-ahead if parts["sign"] == "-" else ahead)
    return timezone(timedelta(hours=int(parts["off"] or _ZONES[(parts["zone"] or "z").lower()])))
