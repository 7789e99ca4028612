"""A feed's document makes nobody read a file or fetch an address: canaries say so, in the process and in a parse child."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.errors import FeedError
from monitor.feeds.document import parse_bytes
from monitor.feeds.parse import Parser
from monitor.model import Document, Response
from tests.feeds.conftest import Serve, http
from tests.test_poll import Line, line

__all__ = ["line"]

SECRET = "canary-of-the-file"
RSS = "<rss version='2.0'><channel><title>H &f; &w;</title><item><title>Dam &f; breaks &w; %p;</title><guid>&f;</guid></item></channel></rss>"
TRICKS = {
    "entities of a file and an address": "<!DOCTYPE rss [<!ENTITY f SYSTEM '{file}'><!ENTITY w SYSTEM '{web}'>]>" + RSS,
    "public entities": "<!DOCTYPE rss [<!ENTITY f PUBLIC 'x' '{file}'><!ENTITY w PUBLIC 'x' '{web}'>]>" + RSS,
    "parameter entities": "<!DOCTYPE rss [<!ENTITY % p SYSTEM '{web}'> %p; <!ENTITY % q SYSTEM '{file}'> %q;]>" + RSS,
    "an external DTD": "<!DOCTYPE rss SYSTEM '{web}'>" + RSS,
    "a public DTD": "<!DOCTYPE rss PUBLIC '-//X//DTD' '{web}'>" + RSS,
    "an entity behind a quoted end": "<!DOCTYPE rss [<!ENTITY a ']>'><!ENTITY f SYSTEM '{file}'><!ENTITY w SYSTEM '{web}'>]>" + RSS,
    "a second DOCTYPE": "<!DOCTYPE rss><!DOCTYPE rss [<!ENTITY f SYSTEM '{file}'><!ENTITY w SYSTEM '{web}'>]>" + RSS,
    "a DOCTYPE behind a commented one": "<!-- <!DOCTYPE rss> --><!DOCTYPE rss [<!ENTITY f SYSTEM '{file}'><!ENTITY w SYSTEM '{web}'>]>" + RSS,
    "XInclude": RSS.replace("<item>", "<item xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='{file}' parse='text'/><xi:include href='{web}'/>"),
    "a style sheet": "<?xml-stylesheet type='text/xsl' href='{web}'?>" + RSS,
    "a schema": RSS.replace("<rss ", "<rss xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:noNamespaceSchemaLocation='{web}' "),
    "content elsewhere": "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='{web}'><entry><title>Dam breaks</title><id>1</id><content src='{file}'/>"
    "<link rel='self' href='{web}'/><link rel='next' href='{web}'/></entry></feed>",
    "a document that is an address": "{web}",
    "a document that is a file's name": "{file}",
}  # fmt: skip


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "cp037"])
def test_what_a_document_names_is_neither_read_nor_fetched(serve: Serve, tmp_path: Path, codec: str) -> None:
    """0.9, X2: whatever the charset in which the declarations hide."""
    canary = serve(http(b"<!ENTITY x 'fetched'>"))
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    child = Parser(1)
    for trick in TRICKS.values():
        text = f"<?xml version='1.0' encoding='{codec}'?>" * ("<" in trick) + trick
        body = text.replace("{file}", secret.as_uri()).replace("{web}", canary.url).encode(codec)
        for outcome in (_parsed_here(body), _parsed_by(child, body)):
            assert SECRET not in str(outcome)
            assert "fetched" not in str(outcome)
            if "<item>" in trick:
                assert isinstance(outcome, Document), trick
                assert outcome.items[0].title.startswith("Dam"), trick
    child.close()
    assert canary.requests == []


def _parsed_here(body: bytes) -> Document | str:
    try:
        return parse_bytes(body, url="https://herald.example/feed")
    except FeedError as error:
        return str(error)


def _parsed_by(child: Parser, body: bytes) -> Document | str:
    try:
        return child.parse(Response(url="https://herald.example/feed", status=200, headers={}, body=body))
    except FeedError as error:
        return str(error)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
CHAIN = "".join(f'<!ENTITY l{n} "&l{n - 1};">' for n in range(1, 30_000))


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "utf-16-le", "utf-32", "cp037"])
@pytest.mark.parametrize(("declared", "used"), [(LAUGHS, "&l9;"), (CHAIN, "&l29999;")], ids=["billion laughs", "chain"])
def test_an_entity_that_unfolds_without_end_stays_folded(codec: str, declared: str, used: str) -> None:
    """X1, X3: in this very process, which the parser would take with it; the document is read all the same."""
    text = f"<?xml version='1.0' encoding='{codec}'?><!DOCTYPE r [<!ENTITY l0 'lol'>{declared}]><rss version='2.0'><channel><item><title>Dam {used} breaks</title></item></channel></rss>"
    assert parse_bytes(text.encode(codec), url="https://herald.example/").items[0].title == f"Dam {used} breaks"


def test_what_is_attached_to_an_entry_is_never_fetched(line: Line, serve: Serve) -> None:
    """X28: an enclosure of a gigabyte, pictures, players and comments, through a whole poll that alerts."""
    canary = serve(http(b"x"))
    body = f"""<rss version='2.0' xmlns:media='http://search.yahoo.com/mrss/' xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'
        xmlns:atom='http://www.w3.org/2005/Atom' xmlns:wfw='http://wellformedweb.org/CommentAPI/'><channel><title>Cast</title>
        <image><url>{canary.url}</url></image><itunes:image href='{canary.url}'/><atom:link rel='hub' href='{canary.url}'/><atom:link rel='next' href='{canary.url}'/>
        <item><title>NUMBER</title><guid isPermaLink='true'>{canary.url}?NUMBER</guid><link>{canary.url}?NUMBER</link>
        <enclosure url='{canary.url}' length='1073741824' type='audio/mpeg'/><media:content url='{canary.url}' fileSize='1073741824'/>
        <media:player url='{canary.url}'/><media:thumbnail url='{canary.url}'/><itunes:image href='{canary.url}'/><comments>{canary.url}</comments>
        <wfw:commentRss>{canary.url}</wfw:commentRss><description>&lt;img src='{canary.url}'&gt; &lt;iframe src='{canary.url}'&gt; Two towns below.</description></item></channel></rss>"""
    line.poll(http(body.replace("NUMBER", "Weather").encode()))
    changes = line.poll(http(body.replace("NUMBER", "Police arrest two over dam collapse").encode()), minutes=20)
    assert [alert.title for alert in changes.alerts] == ["Police arrest two over dam collapse"]
    feed = f'{{"version": "https://jsonfeed.org/version/1.1", "icon": "{canary.url}", "next_url": "{canary.url}", "items": [{{"id": "3", "title": "Dam inquiry opens", "image": "{canary.url}", "attachments": [{{"url": "{canary.url}", "mime_type": "audio/mpeg", "size_in_bytes": 1073741824}}]}}]}}'
    assert line.poll(http(feed.encode()), minutes=40).entries
    assert canary.requests == []


@pytest.mark.parametrize("before", ["<!DOCTYPE rss>", "<!-- <!DOCTYPE rss> -->", "<?x <!DOCTYPE rss> ?>"])
def test_no_second_doctype_brings_entities_in(before: str) -> None:
    """X1: what is cut out first hides none; what is left of such a document is read for what it says."""
    text = f"{before}<!DOCTYPE r [<!ENTITY l0 'lol'><!ENTITY l1 '&l0;&l0;'>]><rss version='2.0'><channel><item><title>Dam &l1; breaks</title></item></channel></rss>"
    assert "lol" not in parse_bytes(text.encode(), url="https://herald.example/").items[0].title
