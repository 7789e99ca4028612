"""A report's reasons, and what a person says of it: by the same functions as the command line, and undone."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from monitor.store import Store, feedback, views
from tests.sinks.reading import read
from tests.web.forms import csrf, notice, send, undo

STORY = "/stories/ferry"


def grouped(store: Store) -> dict[str, list[str]]:
    """Development -> its reports."""
    with store.read() as tx:
        return {d["title"]: [r["id"] for r in d["reports"]] for d in views.timeline(tx, "ferry")}


def given(store: Store) -> list[tuple[str, str]]:
    with store.read() as tx:
        return [(one.entry, str(one.judgement)) for one in feedback.given(tx)]


def test_why_marks_the_terms_and_tells_scores_form_and_the_nearest_report(page: FlaskClient) -> None:
    shown = read(page.get("/reports/gazette-20").text)
    assert {"Tarn", "ferry"} <= set(shown.texts["mark"])
    text = " ".join(" ".join(shown.texts["article"]).split())
    for words in (
        "The Tarn ferry",
        "needs 0.50",
        "likely to report an event",
        "Nearest report",
        "“Union calls strike at Tarn ferry” (Herald)",
    ):
        assert words in text, words


def test_a_part_of_it_is_the_explanation_alone(page: FlaskClient) -> None:
    part = page.get("/reports/gazette-20?part=1").text
    assert "<html" not in part
    assert "Nearest report" in part


def test_what_does_not_belong_leaves_and_undo_brings_it_back(page: FlaskClient, told: Store) -> None:
    before = grouped(told)
    answer = send(page, STORY, "/reports/herald-90/say", judgement="wrong", storyline="ferry", back=STORY)
    assert notice(answer).startswith(
        "“Police arrest two over blaze on Tarn ferry” counts as wrong for “The Tarn ferry”"
    )
    assert "Police arrest two over blaze on Tarn ferry" not in grouped(told)
    assert "1 report taken off by hand" in answer.text
    answer = undo(page, answer)
    assert "is taken back" in notice(answer)
    assert grouped(told) == before
    assert given(told) == []
    assert "taken off by hand" not in answer.text


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"judgement": "right"}, "right"),
        ({"judgement": "new"}, "new"),
    ],
)
def test_every_judgement_is_kept_shown_at_the_report_and_taken_back(
    page: FlaskClient, told: Store, fields: dict[str, str], kept: str
) -> None:
    before = grouped(told)
    answer = send(page, STORY, "/reports/gazette-20/say", back=STORY, storyline="ferry", **fields)
    assert given(told) == [("gazette-20", kept)]
    assert f"you: {kept}" in answer.text
    undo(page, answer)
    assert (grouped(told), given(told)) == (before, [])


def test_a_report_is_put_with_another_development(page: FlaskClient, told: Store) -> None:
    with told.read() as tx:
        other = views.timeline(tx, "ferry")[-1]
    assert f'value="{other["id"]}"' in page.get("/reports/herald-90").text
    send(page, "/reports/herald-90", "/reports/herald-90/say", judgement="same-as", development=other["id"], back=STORY)
    assert "herald-90" in grouped(told)[other["title"]]


@pytest.mark.parametrize(
    ("path", "fields", "code", "said"),
    [
        ("/reports/herald-90/say", {"judgement": "same-as", "development": ""}, 409, "Choose the development"),
        (
            "/reports/herald-90/say",
            {"judgement": "same-as", "development": "d-nowhere"},
            409,
            "There is no development",
        ),
        ("/reports/herald-90/say", {"judgement": "nonsense"}, 400, ""),
        ("/reports/herald-90/say", {}, 400, ""),
        ("/reports/nobody-1/say", {"judgement": "wrong"}, 409, "There is no entry"),
        ("/reports/herald-90/say", {"judgement": "wrong", "storyline": "<b>"}, 409, "There is no storyline"),
        ("/reports/herald-90/take-back", {}, 409, "nothing to take back"),
    ],
)
def test_what_cannot_be_meant_is_told_in_a_sentence_and_changes_nothing(
    page: FlaskClient, told: Store, path: str, fields: dict[str, str], code: int, said: str
) -> None:
    before = grouped(told)
    answer = page.post(path, data={"csrf": csrf(page.get(STORY)), **fields})
    assert answer.status_code == code
    assert said in answer.text
    assert "<b>" not in answer.text
    assert (grouped(told), given(told)) == (before, [])


def test_an_answer_leads_to_no_strangers_page(page: FlaskClient) -> None:
    for back in ("https://evil.example", "//evil.example", "/\\evil.example"):
        data = {"csrf": csrf(page.get(STORY)), "judgement": "right", "back": back}
        assert page.post("/reports/herald-90/say", data=data).headers["Location"] == "/"


def test_what_was_taken_off_can_still_be_looked_at_and_taken_back(page: FlaskClient, told: Store) -> None:
    send(page, STORY, "/reports/herald-90/say", judgement="wrong", back=STORY)
    shown = page.get("/reports/herald-90")
    assert "A person said that it is not about “The Tarn ferry”." in shown.text
    assert "Take back “wrong”" in shown.text
    send(page, "/reports/herald-90", "/reports/herald-90/take-back", back=STORY)
    assert given(told) == []


def test_an_entry_that_matches_nothing_is_no_report(page: FlaskClient) -> None:
    assert page.get("/reports/kurier-100").status_code == 404


def test_nothing_is_changed_by_looking(page: FlaskClient, told: Store) -> None:
    before: Any = grouped(told)
    for path in (
        "/",
        STORY,
        "/reports/herald-90",
        "/reports/herald-90/say",
        "/reports/herald-90/take-back",
        "/stories/ferry/silence",
    ):
        page.get(path)
    assert (grouped(told), given(told)) == (before, [])
