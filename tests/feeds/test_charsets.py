"""Documents in every charset, under right names and wrong ones."""

from __future__ import annotations

import codecs

import pytest

from tests.feeds.test_document import parse

RSS = "<rss version='2.0'><channel><title>F</title><item><title>{}</title><guid isPermaLink='false'>{}</guid></item></channel></rss>"
WORD = "Łódź – “dam”"
CHINESE = "水库大坝出现裂缝，下游居民撤离"


def told(body: bytes, content_type: str = "") -> str:
    (only,) = parse(body, content_type).items
    assert only.keys[0] == f"id:{only.title}", "the same text, and the same key"
    return only.title


def document(text: str, codec: str, declared: str | None) -> bytes:
    head = "" if declared is None else f"<?xml version='1.0' encoding='{declared}'?>"
    return (head + RSS.format(text, text)).encode(codec)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/xml",
        "text/xml; charset=utf-8",
        "text/xml; charset=iso-8859-1",
        "application/rss+xml; charset=utf-16",
        "text/html; charset=x-none",
    ],
)
@pytest.mark.parametrize(
    "declared",
    [None, "utf-8", "utf-16", "iso-8859-1", "windows-1252", "no-such-charset", "\x00", "idna", "undefined", "us-ascii"],
)
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig"])
def test_utf_8_is_read_whatever_it_is_called(codec: str, declared: str | None, content_type: str) -> None:
    """X7: the declaration, the server and the first bytes disagree."""
    assert told(document(WORD, codec, declared), content_type) == WORD


@pytest.mark.parametrize(
    "content_type", ["", "text/xml", "text/xml; charset=utf-8", "application/rss+xml; charset=iso-8859-1"]
)
@pytest.mark.parametrize("declared", [None, "utf-8", "utf-16", "utf-32", "windows-1252"])
@pytest.mark.parametrize(
    ("codec", "mark"),
    [("utf-16", b""), ("utf-16-le", b""), ("utf-16-be", b""), ("utf-16-be", codecs.BOM_UTF16_BE), ("utf-32", b""), ("utf-32-le", b""), ("utf-32-be", codecs.BOM_UTF32_BE)],
)  # fmt: skip
def test_wide_characters_show_in_the_first_bytes(
    codec: str, mark: bytes, declared: str | None, content_type: str
) -> None:
    """X7: with a byte order mark and without, whatever it is called."""
    assert told(mark + document(WORD, codec, declared), content_type) == WORD


@pytest.mark.parametrize(
    ("codec", "declared", "content_type", "text"),
    [
        ("cp1252", "utf-8", "text/xml", "“Dam” – é"),
        ("cp1252", "utf-8", "text/xml; charset=utf-8", "“Dam” – é"),
        ("cp1252", "windows-1252", "", "“Dam” – é"),
        ("cp1250", "windows-1250", "text/xml", "Łódź “dam”"),
        ("koi8-r", "koi8-r", "text/xml", "Плотина прорвана"),
        ("iso8859-2", None, "text/xml; charset=iso-8859-2", "Łódź"),
        ("gb18030", "gb2312", "", CHINESE + "镕"),
        ("gb18030", None, "application/rss+xml; charset=gb2312", CHINESE + "镕"),
        ("big5", "big5", "text/xml", "水庫大壩"),
        ("shift_jis", "shift_jis", "text/xml", "ダムが決壊"),
        ("iso2022_jp", "iso-2022-jp", "text/xml", "ダムが決壊"),
        ("euc_kr", "euc-kr", "text/xml", "댐이 무너졌다"),
        ("cp037", "ebcdic-cp-us", "text/xml", "Dam [breaks]"),
        ("cp037", "utf-8", "", "Dam [breaks]"),
    ],
)
def test_older_charsets_are_read_by_their_names_or_for_what_they_are(
    codec: str, declared: str | None, content_type: str, text: str
) -> None:
    """X7: windows-1252 called utf-8, GB 2312 that is really GB 18030, EBCDIC."""
    assert told(document(text, codec, declared), content_type) == text


def test_what_cannot_be_decoded_costs_its_characters_only() -> None:
    """X6, X7: a byte that is nothing in UTF-8, which the rest is in and is called."""
    body = document("Dam breaks", "utf-8", "utf-8").replace(b"Dam ", b"Dam\xff ")
    assert told(body, "text/xml; charset=utf-8").endswith(" breaks")
