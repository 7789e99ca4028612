"""T1, T3, T8, T13, T14, T16: what strangers wrote becomes one harmless line, what they link to a plain address."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerts.clean import cut, host, isolate, line, safe_url
from tests.alerts.samples import HOSTILE, HOSTILE_URLS

ANYTHING = st.text(st.characters(exclude_categories=())) | st.sampled_from(HOSTILE)


@settings(deadline=None)
@given(ANYTHING, st.integers(10, 200))
def test_a_line_is_one_line_of_bounded_length_without_control_characters(value: str, cap: int) -> None:
    cleaned = line(value, cap)
    assert len(cleaned) <= cap
    assert cleaned == " ".join(cleaned.split())
    assert not {unicodedata.category(c) for c in cleaned} & {"Cc", "Cs", "Zl", "Zp"}
    assert cleaned.encode().decode() == cleaned


def test_overrides_and_invisible_characters_are_dropped() -> None:
    assert line("user\u202egpj.exe \u2066x\u2069 a\u200bb\u00adc\ufeff\U000e0041") == "usergpj.exe x abc"


def test_joined_emoji_and_persian_joiners_stay() -> None:
    assert line("👩‍👧 می‌خواهم") == "👩‍👧 می‌خواهم"


def test_a_megabyte_of_title_is_cut() -> None:
    assert line("word " * 200_000, 100).endswith("word…")


@pytest.mark.parametrize("visible", ["👩‍👩‍👧‍👦", "🇵🇱", "👍🏽", "e\u0301", "각", "नि", "❤\ufe0f"])
def test_text_is_cut_between_visible_characters(visible: str) -> None:
    for cap in range(12, 40):
        kept = cut(visible * 40, cap).removesuffix("…")
        assert kept
        assert kept == visible * (len(kept) // len(visible))


def test_text_is_cut_between_words_where_there_are_some() -> None:
    assert cut("Ferry crews walk out over pay in three ports", 20) == "Ferry crews walk…"


def test_endless_accents_do_not_swallow_the_text() -> None:
    assert len(cut("a" + "\u0301" * 500, 100)) > 40


def test_text_from_right_to_left_is_fenced_off_and_other_text_is_not() -> None:
    assert isolate("سد أورلا") == "\u2068سد أورلا\u2069"
    assert isolate("Orla 1954") == "Orla 1954"


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_an_address_leads_to_the_web_in_plain_ascii_or_nowhere(url: str) -> None:
    cleaned = safe_url(url)
    assert cleaned.isascii()
    assert cleaned == "" or cleaned.startswith(("http://", "https://"))
    assert not set(cleaned) & set('<>"\\ \r\n@')
    assert safe_url(cleaned) == cleaned


@pytest.mark.parametrize(
    ("url", "leads_to"),
    [
        ("https://bank.example@evil.example/login", "evil.example"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("https://HERALD.example:8443/x", "herald.example"),
        ("http://[2001:db8::1]:80/", "2001:db8::1"),
        ("https://bank.example\\@evil.example/", ""),
        ("javascript:alert(1)", ""),
    ],
)
def test_the_host_shown_is_the_host_reached(url: str, leads_to: str) -> None:
    """T16"""
    assert host(url) == leads_to


def test_an_honest_address_stays_as_it_is() -> None:
    url = "https://herald.example/2026/03/orla-dam;v=1?id=7&from=rss%20feed#top"
    assert safe_url(url) == url


@settings(deadline=None)
@given(ANYTHING)
def test_no_address_makes_it_raise(url: str) -> None:
    assert safe_url(url).isascii()
    assert safe_url("https://herald.example/" + url).isascii()
    assert safe_url("https://" + url).isascii()
