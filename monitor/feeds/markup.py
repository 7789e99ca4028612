"""What is done to XML before its parser sees it: one encoding, no declarations of entities, no references to what is no character."""

from __future__ import annotations

import re
from collections.abc import Mapping

from feedparser.encodings import convert_to_utf8

_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*\?>")
_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)
_HALF_CHARACTER = re.compile(
    rb"&#(?:x0*d[89a-f][0-9a-f]{2}|0*(?:5529[6-9]|55[3-9]\d\d|56\d{3}|57[0-2]\d\d|573[0-3]\d|5734[0-3]));",
    re.IGNORECASE,
)
"""A reference to a surrogate: the parser gives the whole feed up for one (X6)."""

UTF_8 = "text/xml; charset=utf-8"
"""The media type of what `disarmed` returns."""


def disarmed(body: bytes, headers: Mapping[str, str]) -> bytes:
    """A document as UTF-8, in which no entity is declared (X1-X3).

    Declarations are looked for after decoding: in UTF-16, or behind a charset of its own, no one would find them before.
    """
    body = _DOCTYPE.sub(b"", _as_utf8(body, headers), count=1)
    body = body.replace(b"<!ENTITY", b"&lt;!ENTITY")  # in a second DOCTYPE, or behind one in a comment
    return _HALF_CHARACTER.sub(b"&#xfffd;", body)


def _as_utf8(body: bytes, headers: Mapping[str, str]) -> bytes:
    """By what the server, the document and its first bytes say of its charset, whichever fits (X7)."""
    try:
        return bytes(convert_to_utf8(headers, body.lstrip(), {}))
    except (ValueError, LookupError):  # what it calls its charset is no name at all
        return _DECLARATION.sub(b"", body.decode("utf-8", "replace").encode())
