"""Forms as a browser without a script sends them."""

from __future__ import annotations

import re
from html import unescape

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


def csrf(answer: TestResponse) -> str:
    """The mark of a form on a page."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', answer.text)
    assert found, answer.text
    return found[1]


def send(client: FlaskClient, seen: str, to: str, **fields: str) -> TestResponse:
    """Look at a page and send a form of it; what the next page says."""
    answer = client.post(to, data={"csrf": csrf(client.get(seen)), **fields})
    assert answer.status_code == 303, answer.text
    return client.get(answer.headers["Location"])


def notice(answer: TestResponse) -> str:
    """What a page says was done."""
    found = re.search(r'class="notice" role="status">\s*<p>(.*?)</p>', answer.text)
    assert found, answer.text
    return unescape(found[1])


def undo(client: FlaskClient, answer: TestResponse) -> TestResponse:
    """Press the button Undo of a notice."""
    form = re.search(r'class="notice".*?<form method="post" action="([^"]+)">(.*?)</form>', answer.text, re.DOTALL)
    assert form, answer.text
    fields = {unescape(a): unescape(b) for a, b in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form[2])}
    done = client.post(unescape(form[1]), data=fields)
    assert done.status_code == 303, done.text
    return client.get(done.headers["Location"])
