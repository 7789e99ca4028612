from __future__ import annotations

import pytest

from monitor.stories.form import form, newsworthiness
from monitor.stories.place import SURE
from tests.stories.conftest import MakeEntry

EVENTS = (
    "Dam bursts and floods three villages", "Union calls off ferry strike after talks", "Court sentences former mayor to four years",
    "Zapora pękła, zginęły trzy osoby", "Policja zatrzymała dyrektora kopalni",
)  # fmt: skip
OTHERS = {
    "Why did the dam burst?": "question",
    "Dam disaster live: rescuers reach second village": "live",
    "Morning briefing: dam bursts, markets fall": "roundup",
    "The dam disaster explained": "explainer",
    "Dlaczego zapora pękła": "question",
    "Opinion: nobody wanted to hear of the cracks": "opinion",
    "Inside the village below the dam": "feature",
}


@pytest.mark.parametrize("title", EVENTS)
def test_a_report_of_an_event_is_news(title: str, entry: MakeEntry) -> None:
    assert form(entry(title)) == "report"
    assert newsworthiness(entry(title)) > max(newsworthiness(entry(other)) for other in OTHERS)


@pytest.mark.parametrize("title", OTHERS)
def test_other_forms_are_recognised_and_are_no_news(title: str, entry: MakeEntry) -> None:
    assert form(entry(title)) == OTHERS[title]
    assert newsworthiness(entry(title)) < SURE


def test_the_section_in_the_address_tells_opinion(entry: MakeEntry) -> None:
    told = entry("Dam bursts and floods three villages", url="https://news.example/opinion/2024/dam")
    assert form(told) == "section"
    assert newsworthiness(told) < newsworthiness(entry("Dam bursts and floods three villages"))
