"""The signs of a headline, and what they say in words."""

from __future__ import annotations

import math

import pytest

from monitor.stories.form import form, form_features, newsworthiness
from monitor.stories.headline import described, event_weights, signs, telling
from tests.stories.conftest import MakeEntry


def length(found: dict[str, float]) -> float:
    return math.sqrt(sum(value * value for value in found.values()))


def test_the_signs_of_every_entry_weigh_the_same_together(entry: MakeEntry) -> None:
    short, long = entry("Mill burns"), entry("Mill burns in Harrow after a night of storms", "Two are missing. " * 20)
    assert length(signs(short, form_features(short))) == pytest.approx(length(signs(long, form_features(long))))


def test_an_outlets_name_and_a_longer_tail_change_nothing(entry: MakeEntry) -> None:
    lead = "Fire broke out at the Harrow mill on Friday night and spread to two barns, the brigade said in a statement read out at noon."
    plain = newsworthiness(entry("Mill burns in Harrow", lead))
    for told in (
        entry("Mill burns in Harrow - Herald", lead),
        entry("Mill burns in Harrow | Herald", lead),
        entry("Mill burns in Harrow", lead + " More followed on Saturday." * 30),
    ):
        assert newsworthiness(told) == plain


def test_initials_at_the_start_ask_nothing(entry: MakeEntry) -> None:
    assert form(entry("WHO ends emergency over mill fever")) == "report"
    assert form(entry("Who ends the emergency over mill fever")) == "question"
    assert form(entry("WHO ENDS THE EMERGENCY")) == "question"


@pytest.mark.parametrize(
    ("title", "language", "kind"),
    [
        ("Warum die Mühle brannte", "de", "question"), ("Pourquoi le moulin a brûlé", "fr", "question"),
        ("Por qué ardió el molino", "es", "question"), ("Relacja na żywo: pożar młyna", "pl", "live"),
        ("Opinia: młyn musiał spłonąć", "pl", "opinion"), ("Eksperci o pożarze młyna", "pl", "experts"),
    ],
)  # fmt: skip
def test_forms_are_recognised_in_several_languages(title: str, language: str, kind: str, entry: MakeEntry) -> None:
    assert form(entry(title, language=language)) == kind


def test_a_question_is_less_news_than_the_statement(entry: MakeEntry) -> None:
    assert newsworthiness(entry("Did police arrest the mill's owner?")) < newsworthiness(
        entry("Police arrest the mill's owner")
    )


def test_what_tells_most_comes_first_and_in_words(entry: MakeEntry) -> None:
    asks = entry("Why did police arrest the mill's owner?")
    told = telling(signs(asks, form_features(asks)), 5)
    weights = [abs(weight) for _, weight in told]
    assert weights == sorted(weights, reverse=True)
    assert any(weight < 0 for _, weight in told)


@pytest.mark.parametrize(
    ("sign", "words"),
    [
        ("t:arrest", "“arrest…”"), ("t:polic arrest", "“polic…” “arrest…”"), ("t:^ polic", "opens with “polic…”"),
        ("t:owner $", "ends with “owner…”"), ("s:mill", "“mill…” in the summary"), ("e:en:ing", "words in -ing"),
        ("p:?", "the mark ?"), ("p:title 2", "title’s length"), ("p:no summary", "no summary"), ("f:cue_live", "cue of form: live"),
    ],
)  # fmt: skip
def test_every_kind_of_sign_has_words(sign: str, words: str) -> None:
    assert described(sign) == words


def test_the_weights_are_those_of_forms_and_know_no_bare_zero() -> None:
    weights = event_weights()
    assert "bias" in weights
    assert all(math.isfinite(weight) for weight in weights.values())
    assert len(weights) > 1_000
