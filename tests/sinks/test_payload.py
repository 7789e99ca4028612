"""What programs are sent and what browsers are served: JSON that is whole and plain, labels in their kind, pages without theirs in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from standardwebhooks import Webhook

from monitor.alerts import render
from monitor.alerts.channels.alertmanager import posted
from monitor.alerts.channels.reply import judge_reply
from monitor.alerts.channels.webhook import sign
from monitor.alerts.links import Deed, Links
from monitor.errors import DeliveryError
from monitor.feeds.document import parse_bytes
from monitor.model import Reply
from monitor.store import Store, links, outbox
from monitor.web import app
from tests.alerts.samples import make_alert, make_delivery
from tests.sinks import samples
from tests.sinks.reading import is_plain, leads_to_the_web, read
from tests.sinks.strings import CONTROL, STRINGS
from tests.sinks.test_chat import values
from tests.web.sites import make_site

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LABELS = {"alertname", "alert", "storyline", "severity", "reason", "kind", "development"}


@pytest.mark.no_cover
def test_nothing_broken_passes_the_parser() -> None:
    """X6: no half of a character and no control in whatever is stored, also of the parts that nobody shows."""
    for poll, _ in samples.decided():
        assert poll.document is not None
        for item in poll.document.items:
            for text in (item.title, item.summary, item.url, item.language, item.outlet, *item.keys):
                assert text.encode().decode() == text
                assert not {c for c in text if c < " " or "\x7f" <= c <= "\x9f"} - set("\t\n\r")
            assert item.url == "" or item.url.startswith(("http://", "https://"))


@pytest.mark.parametrize("ttl", ["²", "9" * 5_000, "-1", "٣", "1e9"])
def test_a_wish_that_is_no_number_costs_no_entry(ttl: str) -> None:
    """X23."""
    body = f"<?xml version='1.0'?><rss version='2.0'><channel><title>x</title><ttl>{ttl}</ttl><item><title>Dam</title></item></channel></rss>"
    assert len(parse_bytes(body.encode(), url="https://herald.example/").items) == 1


@pytest.mark.no_cover
def test_a_webhook_gets_json_that_is_whole_plain_and_verifies() -> None:
    """T7, T15, X6."""
    for alert in samples.everything():
        body = json.dumps(render.payload(alert), ensure_ascii=False, allow_nan=False)
        headers = sign(f"msg_{alert.id}", datetime.now(UTC), body, [SECRET])
        told = Webhook(SECRET).verify(body.encode(), headers)
        assert told == render.payload(alert)
        assert len(body.encode()) <= render.PAYLOAD_CAP
        assert all(is_plain(text) and "\n" not in text for text in values(told))
        addresses = [link["url"] for link in (*told["data"]["reports"], *told["data"]["known_before"]) if link["url"]]
        assert all(map(leads_to_the_web, addresses))


def test_an_alertmanager_gets_labels_of_ours_and_words_in_annotations() -> None:
    """T15: nothing of a headline is a label, by which others would group or silence."""
    for alert in samples.everything():
        told = posted(alert, timedelta(hours=1))
        assert set(told["labels"]) <= LABELS
        assert json.loads(json.dumps(told, ensure_ascii=False).encode()) == told
        assert all(is_plain(text) and "\n" not in text and text for text in values(told))
        assert "generatorURL" not in told or leads_to_the_web(told["generatorURL"])
        assert told["annotations"]["title"] == render.shown(alert).title


def test_what_a_receiver_answers_becomes_one_plain_line_of_an_error() -> None:
    """T13: it stands in the log, in tables and in the operator's notice."""
    for words in STRINGS:
        answer = Reply(status=500, headers={"retry-after": words}, body=words.encode("utf-8", "surrogatepass"))
        with pytest.raises(DeliveryError) as caught:
            judge_reply(answer, samples.NOW, "receiver")
        assert is_plain(str(caught.value))
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 300


@pytest.fixture
def client(store: Store, tmp_path: Path) -> FlaskClient:
    return app.create(make_site(store, lambda: samples.NOW, page=False)).test_client()


@pytest.mark.no_cover
def test_a_page_shows_words_as_words_and_nothing_of_its_address(client: FlaskClient, store: Store) -> None:
    """T9, T10, W2, W5."""
    signed = Links("", store.write(links.key))
    for start in range(0, len(STRINGS), 40):
        titles = tuple((f"s{n}", samples.at(n)) for n in range(start, start + 40))
        alert, delivery = (
            make_alert(id=f"a{start}", storylines=titles),
            make_delivery(id=f"a{start}-x", alert=f"a{start}"),
        )
        store.write(partial(outbox.add, queued=[alert], to_deliver=[delivery]))
        answer = (
            client.get(signed.to(Deed.SILENCE, delivery))
            if start % 3
            else client.post(signed.to(Deed.SILENCE, delivery))
        )
        page = read(answer.text)
        assert {tag for tag, _, _ in page.tags} <= {
            "html",
            "head",
            "meta",
            "title",
            "link",
            "body",
            "main",
            "p",
            "bdi",
            "h1",
            "form",
            "button",
            "a",
        }
        assert {value for tag, name, value in page.tags if name in ("href", "src", "action")} == {"/static/page.css"}
        assert page.texts["bdi"] == [render.line(title) for _, title in titles]
        assert all(is_plain(text) for text in page.texts["bdi"])
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    unknown = client.get("/links/nobody").text
    for words in (*STRINGS[::5], *CONTROL):
        answer = client.get(f"/links/{quote(words, errors='replace')}")
        assert answer.status_code in (404, 308, 405)
        assert answer.status_code != 404 or answer.text == unknown
        assert set(answer.headers.keys()) <= {"Content-Type", "Content-Length", "Location", "Allow", "Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cache-Control", "X-Robots-Tag"}  # fmt: skip
