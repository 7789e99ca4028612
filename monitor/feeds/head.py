"""Answers whose heads have an end: the standard library counts headers, but neither interim answers nor trailers (H35)."""

from __future__ import annotations

import io
import re
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import Any

from monitor.feeds.lanes import await_bytes

_MOST_LINES = 300
"""Lines without a body between them: interim answers, the head and its headers, or trailers."""

_MOST_PLAIN = 50
_PLAIN = re.compile(rb"HTTP/1\.1 (200|304)( [ -~]*)?\r\n((?:[\w-]+: *[!-~][ -~]*\r\n)+)\r\n")
"""A head in which nothing is odd, of an answer that is to be read: most of them."""
_LENGTH = re.compile(r"\d{1,18}")
_FIELD = re.compile(r"([\w-]+): *(.+)\r\n")


class _Arriving(io.RawIOBase):
    """What comes over a connection; who reads it keeps no other from working while nothing comes."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: Any, /) -> int | None:
        await_bytes(self._raw.fileno())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Lines(io.BufferedReader):
    """What a server sends; the lines of its head are looked at, and counted, which the standard library leaves out (H35)."""

    _in_a_row = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        """A line of the head, the size of a chunk, or a line after the last one."""
        line = super().readline(size)
        self._in_a_row += 1
        if self._in_a_row > _MOST_LINES:
            raise HTTPException("too many lines before the body or after it")
        if b"\r" in line.removesuffix(b"\n").removesuffix(b"\r") or b"\0" in line:
            raise HTTPException("a header with a line break or a NUL inside")
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        """A piece of the body."""
        self._in_a_row = 0
        return super().read(size)


class Reply(HTTPResponse):
    """An answer whose head has an end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fp = _Lines(_Arriving(self.fp.detach()))

    def begin(self) -> None:
        """Read the head. A 304 ends with it, whatever it says of a body (RFC 9110 15.4.5), and its connection is free."""
        if not self._begin_plainly():
            super().begin()
        if self.status == HTTPStatus.NOT_MODIFIED and not self.will_close:
            self._close_conn()  # type: ignore[attr-defined]  # the standard library's own way to end an answer

    def _begin_plainly(self) -> bool:
        """Whether the head is there and plain: it is then read as `begin` of the standard library reads it, in a quarter of the time.

        That one takes each head for a mail's, which may be far odder.
        """
        head = _PLAIN.match(self.fp.peek())
        if head is None:
            return False
        said = _FIELD.findall(head[3].decode("ascii"))
        fields = {name.lower(): value for name, value in reversed(said)}  # of several the first counts
        length = fields.get("content-length", "")
        if len(said) > _MOST_PLAIN or (length and not _LENGTH.fullmatch(length)):
            return False
        self.fp.read(head.end())
        self.headers = self.msg = HTTPMessage()
        for name, value in said:
            self.headers.set_raw(name, value)
        self.version, self.code, self.reason = 11, int(head[1]), (head[2] or b"").decode("ascii").strip()
        self.status = self.code
        self.chunked = fields.get("transfer-encoding", "").lower() == "chunked"
        if self.chunked:
            self.chunk_left = None
        self.length = int(length) if length and not self.chunked else None
        if self.status == HTTPStatus.NOT_MODIFIED:
            self.length = 0
        closes = "close" in fields.get("connection", "").lower()
        self.will_close = closes or not (self.chunked or self.length is not None)
        return True
