"""What is done to XML before its parser sees it: one encoding, no declarations of entities, no references to what is no character."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from feedparser.encodings import convert_to_utf8

_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*\?>")
_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)
_HALF_CHARACTER = re.compile(
    rb"&#(?:x0*d[89a-f][0-9a-f]{2}|0*(?:5529[6-9]|55[3-9]\d\d|56\d{3}|57[0-2]\d\d|573[0-3]\d|5734[0-3]));",
    re.IGNORECASE,
)
"""A reference to a surrogate: the parser gives the whole feed up for one (X6)."""

_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"<\x00\x00\x00", "utf-32-le"), (b"\x00\x00\x00<", "utf-32-be"), (b"<\x00", "utf-16-le"), (b"\x00<", "utf-16-be"), (b"Lo\xa7\x94", "cp037"),
)  # fmt: skip
"""How a document begins -> what it is in, whatever it is called."""

_CALLED = re.compile(r"(?:charset|encoding)\s*=\s*[\"']?([\w.:-]*)", re.IGNORECASE)
_OPENED, _OPENING = re.compile(rb"^<\?xml[^>]*>"), b"<?xml version='1.0'?>"
_ASCII_AND_MORE = frozenset({"utf-8", "utf8", "us-ascii", "iso-8859-1", "windows-1252"})

UTF_8 = "text/xml; charset=utf-8"
"""The media type of what `disarmed` returns."""


def disarmed(body: bytes, headers: Mapping[str, str]) -> bytes:
    """A document as UTF-8, in which no entity is declared (X1-X3).

    Declarations are looked for after decoding: in UTF-16, or behind a charset of its own, no one would find them before.
    """
    body = _as_utf8(body, headers)
    if b"<!" in body:
        body = _DOCTYPE.sub(b"", body, count=1)
        body = body.replace(b"<!ENTITY", b"&lt;!ENTITY")  # in a second DOCTYPE, or behind one in a comment
    return _HALF_CHARACTER.sub(b"&#xfffd;", body) if b"&#" in body else body


def _as_utf8(body: bytes, headers: Mapping[str, str]) -> bytes:
    """By its first bytes; else as UTF-8, where it is; else as the server or the document call it, whichever fits (X7)."""
    body = body.lstrip(b"\t\n\r ")
    codec = next((codec for start, codec in _MARKS if body.startswith(start)), "" if body.isascii() else "utf-8")
    if not codec and _is_ascii(body, headers):
        return _OPENING + _OPENED.sub(b"", body)
    with suppress(ValueError):
        if codec:
            return _DECLARATION.sub(b"", body.decode(codec).encode())
    if "charset" not in headers.get("content-type", "").lower():
        headers = {"content-type": "application/xml"}  # RFC 7303: then the document knows, also under text/xml
    try:
        return bytes(convert_to_utf8(headers, body, {}))
    except (ValueError, LookupError):  # what it calls its charset is no name at all
        return _DECLARATION.sub(b"", body.decode("utf-8", "replace").encode())


def _is_ascii(body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether a document of ASCII characters is just that; what is called UTF-7 or ISO-2022-JP hides others in them."""
    declaration = _OPENED.match(body)
    told = headers.get("content-type", "") + (declaration[0].decode() if declaration else "")
    return all(name.lower() in _ASCII_AND_MORE for name in _CALLED.findall(told))
