"""Silences and ends of following, by a form, and undone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from monitor.model import Mute
from monitor.store import Store, mutes
from tests.alerts.receiver import Clock
from tests.web.forms import csrf, notice, send, undo
from tests.web.newsroom import NOON

STORY = "/stories/ferry"


def standing(store: Store, clock: Clock) -> tuple[Mute, ...]:
    with store.read() as tx:
        return mutes.standing(tx, clock.now)


@pytest.mark.parametrize(("hours", "lasts"), [("1", 1), ("8", 8), ("24", 24), ("168", 168)])
def test_a_silence_ends_by_itself_and_undo_ends_it_now(page: FlaskClient, told: Store, clock: Clock, hours: str, lasts: int) -> None:  # fmt: skip
    answer = send(page, STORY, "/stories/ferry/silence", hours=hours, channel="", back=STORY)
    assert notice(answer).startswith("Everybody hears nothing of it until")
    assert standing(told, clock) == (Mute(storyline="ferry", until=NOON + timedelta(hours=lasts)),)
    assert "hears nothing until" in answer.text
    undo(page, answer)
    assert standing(told, clock) == ()


def test_one_channel_can_be_silenced_alone(page: FlaskClient, told: Store, clock: Clock) -> None:
    answer = send(page, STORY, "/stories/ferry/silence", hours="8", channel="hook", back=STORY)
    assert notice(answer).startswith("The channel hook hears nothing of it until")
    assert [mute.channel for mute in standing(told, clock)] == ["hook"]


def test_who_follows_it_no_more_follows_it_again_by_undo(page: FlaskClient, told: Store, clock: Clock) -> None:
    answer = send(page, STORY, "/stories/ferry/silence", hours="", back=STORY)
    assert notice(answer) == "Everybody follows it no more."
    assert standing(told, clock) == (Mute(storyline="ferry"),)
    undo(page, answer)
    assert standing(told, clock) == ()


def test_to_follow_again_is_undone_with_the_same_end(page: FlaskClient, told: Store, clock: Clock) -> None:
    send(page, STORY, "/stories/ferry/silence", hours="8", channel="hook", back=STORY)
    before = standing(told, clock)
    answer = send(page, STORY, "/stories/ferry/follow", channel="hook", target="", back=STORY)
    assert notice(answer) == "The channel hook follows it again."
    assert standing(told, clock) == ()
    undo(page, answer)
    assert standing(told, clock) == before


def test_who_follows_it_already_is_told_so(page: FlaskClient) -> None:
    answer = send(page, STORY, "/stories/ferry/follow", back=STORY)
    assert notice(answer) == "Everybody follows it already."
    assert "Undo" not in answer.text


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        ("/stories/nothing/silence", {"hours": "8"}, "There is no storyline"),
        ("/stories/ferry/silence", {"hours": "8", "channel": "horn"}, "There is no channel"),
        ("/stories/ferry/silence", {"hours": "8", "channel": "hook", "target": "x"}, "has no recipient"),
        ("/stories/ferry/follow", {"target": "x"}, "There is no channel"),
    ],
)
def test_what_there_is_not_cannot_be_silenced(
    page: FlaskClient, told: Store, clock: Clock, path: str, fields: dict[str, str], said: str
) -> None:
    answer = page.post(path, data={"csrf": csrf(page.get(STORY)), **fields})
    assert answer.status_code == 409
    assert said in answer.text
    assert standing(told, clock) == ()
