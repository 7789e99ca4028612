"""Dates of every kind that feeds write, and those that look like dates and are none."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.feeds import dates
from tests.feeds.test_document import item, parse

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)

CLEAR = {
    "Tue, 05 Mar 2024 12:00:00 GMT": NOON,
    "Tue, 5 Mar 2024 12:00 Z": NOON,
    "Tue, 05 Mar 24 12:00:00 UT": NOON,
    "Tue, 05 Mar 2024 13:00:00 +0100": NOON,
    "Tue, 05 Mar 2024 13:00:00 +0100 (CET)": NOON,
    "Tue, 05 Mar 2024 13:00:00 GMT+1": NOON,
    "Tue, 05 Mar 2024 07:00:00 EST": NOON,
    "Tuesday, 05 March 2024 12:00:00 GMT": NOON,
    "05-Mar-2024 12:00:00 UTC": NOON,
    "Tue Mar  5 12:00:00 2024": NOON,
    "Tue Mar 5 12:00:00 UTC 2024": NOON,
    "  Tue,\n 05 Mar 2024 12:00:00 GMT ": NOON,
    "2024-03-05T12:00:00Z": NOON,
    "2024-03-05t12:00:00.25z": NOON.replace(microsecond=0),
    "2024-03-05 12:00:00": NOON,
    "2024-03-05T12:00": NOON,
    "20240305T120000Z": NOON,
    "2024-03-06T02:00:00+14:00": NOON,
    "2024-03-05T12:00:60Z": NOON + timedelta(seconds=59),
    "2024-03-05": NOON.replace(hour=0),
    "9999-12-31T23:59:59Z": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
}
LOCALISED = (
    "Di, 05 Mär 2024 12:00:00 +0100", "mar., 05 mars 2024 12:00:00 GMT", "mar, 05 août 2024 12:00:00 +0200", "Вт, 05 мар 2024 12:00:00 +0300",
    "wt., 05 sie 2024 12:00:00 GMT", "5 marca 2024 12:00", "5 marraskuuta 2024", "Tue, 05 Okt 2024 12:00:00 GMT", "Κυρ, 12 Ιούλ 2004 12:00:00 EST",
    "2004-július-13T9:15-05:00", "2004-05-25 오후 11:23:17", "2026年3月5日", "2026年3月5日 12:00",
)  # fmt: skip
OTHER_ZONES = (
    "CET", "CEST", "BST", "IST", "MSK", "JST", "AEST", "cet", "(CET)", "Europe/Warsaw", "A", "+9999", "+1500", "-0199",
)  # fmt: skip
NO_DATES = (
    "1767225600", "1709640000", "1709640000000", "1709640000.5", "20240305", "0", "-1", "2024-13-05T12:00:00Z", "2024-00-05T12:00:00Z", "2024-03-00T12:00:00Z",
    "2024-03-32T12:00:00Z", "2024-02-30", "2023-02-29T12:00:00Z", "2024-03-05T24:00:00Z", "2024-03-05T99:00:00Z", "2024-03-05T12:99:00Z", "2024-03-05T12:00:99Z",
    "Tue, 32 Mar 2024 12:00:00 GMT", "Tue, 31 Feb 2024 12:00:00 GMT", "Tue, 05 Mar 2024 99:00:00 GMT", "Tue, 05 Mar 2024 03:00:00 PM +0000", "0000-00-00T00:00:00Z",
    "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "Tue, 05 Mar 0000 12:00:00 GMT", "Tue, 05 Mar 124 12:00:00 GMT", "99999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00", "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:01Z", "2024-03", "2024-065", "2024-W10-2", "05/03/2024", "5 March", "yesterday", "",
    "٢٠٢٤-٠٣-٠٥T12:00:00Z",
)  # fmt: skip


DAYS = ("Tue, ", "tue, ", "Tue,", "Tuesday, ", "Xyz, ", "")
MONTHS = ("Mar", "mar", "Xar", "Feb", "Sept", "December")
TIMES = ("12:00:00", "24:00:00", "12:00", "23:59:60", "9:00:00", "01:02:03.5")
ZONES = (" GMT", " UTC", " +0000", " -00:00", " +0100", " gmt", " Z", "", " GMT+1", " +00", " +0000 (UTC)")


@pytest.mark.parametrize("day", ["5", "05", "32", "00", " 5"])
@pytest.mark.parametrize("year", ["2024", "24", "1989", "0000", "٢٠٢٤"])
def test_the_usual_way_is_read_like_any_other(day: str, year: str) -> None:
    for weekday, month, time, zone in product(DAYS, MONTHS, TIMES, ZONES):
        text = f"{weekday}{day} {month} {year} {time}{zone}"
        assert dates.read(text) == dates._read_any(text), text


@pytest.mark.parametrize(("text", "meant"), CLEAR.items())
def test_a_date_that_is_clear_is_read_in_every_dialect(text: str, meant: datetime) -> None:
    """X17: leap seconds, zones up to 14 hours ahead, the year 9999."""
    assert _read_alike(text) == meant


@pytest.mark.parametrize(
    "text", [*LOCALISED, *(f"Tue, 05 Mar 2024 12:00:00 {zone}" for zone in OTHER_ZONES), *NO_DATES]
)
def test_a_date_that_could_only_be_guessed_is_refused_in_every_dialect(text: str) -> None:
    """0.9, X17, X18: months in other languages, names of zones that mean several, seconds of an epoch, a month 13, an hour 99, a year 0."""
    assert _read_alike(text) is None


def _read_alike(text: str) -> datetime | None:
    """The date as RSS, Atom and JSON Feed carry it: all the same."""
    escaped = text.replace("&", "&amp;")
    atom = (
        f"<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>t</title><updated>{escaped}</updated></entry></feed>"
    )
    feed = {"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "t", "date_published": text}]}
    (rss, *others) = (
        item(f"<title>t</title><pubDate>{escaped}</pubDate>").published,
        parse(atom).items[0].published,
        parse(json.dumps(feed)).items[0].published,
    )
    assert others == [rss, rss]
    return rss


def test_of_several_dates_the_first_that_is_clear_counts() -> None:
    text = "<title>t</title><pubDate>yesterday</pubDate><dc:date xmlns:dc='http://purl.org/dc/elements/1.1/'>2024-03-05T12:00:00Z</dc:date>"
    assert item(text).published == NOON
    feed = {
        "version": "https://jsonfeed.org/version/1",
        "items": [{"id": "1", "date_published": "1709640000", "date_modified": "2024-03-05T12:00:00Z"}],
    }
    assert parse(json.dumps(feed)).items[0].published == NOON


MOMENTS = st.datetimes(datetime(1990, 1, 2), datetime(9999, 12, 30), timezones=st.timezones()).map(
    lambda moment: moment.replace(microsecond=0)
)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    MOMENTS.filter(
        lambda moment: (
            not (moment.utcoffset() or timedelta()).total_seconds() % 60
            and abs(moment.utcoffset() or timedelta()) <= timedelta(hours=14)
        )
    )
)
def test_every_moment_comes_back_as_it_was_written(moment: datetime) -> None:
    assert dates.read(moment.isoformat()) == moment.astimezone(UTC)
    assert dates.read(format_datetime(moment)) == moment.astimezone(UTC)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text(st.sampled_from("0123456789-+:TZ ,.GMTJanFebUTC年月日²٣"), max_size=40) | st.text(max_size=40))
@example("1" * 5_000)
@example("2024-03-05T12:00:00+00:00" + " (" * 200)
def test_any_text_is_a_moment_after_1990_or_none(text: str) -> None:
    moment = dates.read(text)
    assert moment is None or (moment.year >= 1990 and moment.utcoffset() == timedelta(0))
