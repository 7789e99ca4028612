"""bytes -> Document, at arm's length: in child processes with a limit on time and memory, since a feed can kill its parser."""

from __future__ import annotations

import resource
from dataclasses import replace
from typing import Any, NamedTuple

from monitor.errors import FeedError
from monitor.feeds.children import Children, Closed, Died, NoChild
from monitor.model import Document, Item, Response

CPU_SECONDS = 5
_WALL_SECONDS = 20.0
_RESTS_AFTER = 60.0


class Sent(NamedTuple):
    """A document on its way from a child: its items by columns, which takes half the time to pack and unpack."""

    bare: Document
    columns: tuple[tuple[Any, ...], ...]

    @classmethod
    def of(cls, document: Document) -> Sent:
        """As the child sends it."""
        return cls(replace(document, items=()), tuple(zip(*document.items, strict=True)))

    def document(self) -> Document:
        """As it was."""
        return replace(self.bare, items=tuple(map(Item, *self.columns))) if self.columns else self.bare


class Parser:
    """Children that parse; one that dies, hangs or grows too large takes its own document with it and no other."""

    def __init__(self, workers: int = 2) -> None:
        self._children = Children(workers)

    def parse(self, response: Response) -> Document:
        """Parse what fetch brought. Raises FeedError when it is no feed, or more than a child can bear."""
        told = response.body, response.url, response.headers.get("content-type", "")
        try:
            outcome: Sent | tuple[str, str] = self._children.call(_WALL_SECONDS, _parse, *told)
        except Died:
            raise FeedError(
                "parse-crash", "The feed is built so that reading it takes too much time or memory."
            ) from None
        except Closed:
            raise FeedError("stopped", "The monitor ended before it had read the feed.") from None
        except NoChild:
            raise FeedError(
                "no-child",
                "No process can be started to read the feed: the machine is out of memory, processes or room.",
            ) from None
        if isinstance(outcome, Sent):
            return outcome.document()
        raise FeedError(*outcome)

    def rest(self) -> bool:
        """Let go of children that had nothing to do for a minute; they are started again when there is. Whether none is left by it."""
        return self._children.rest(_RESTS_AFTER)

    def close(self) -> None:
        """End the children."""
        self._children.close()


def _parse(body: bytes, url: str, content_type: str) -> Sent | tuple[str, str]:
    """The document, or the reason and the sentence of a FeedError: plain values, since errors do not travel well."""
    from monitor.feeds.document import parse_bytes  # noqa: PLC0415 - children need feedparser, their parent does not

    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + CPU_SECONDS + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    try:
        return Sent.of(parse_bytes(body, url=url, content_type=content_type))
    except FeedError as error:
        return error.reason, str(error)
    except MemoryError:
        return "parse-crash", "Reading the feed takes too much memory."
    except Exception as error:  # noqa: BLE001 - whatever a hostile feed provokes is this feed's error only
        return "unreadable", f"The feed cannot be read: {type(error).__name__}."
