"""Answers whose heads have an end: the standard library counts headers, but neither interim answers nor trailers (H35)."""

from __future__ import annotations

import io
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from typing import Any

_MOST_LINES = 300
"""Lines without a body between them: interim answers, the head and its headers, or trailers."""


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
        self.fp = _Lines(self.fp.detach())

    def begin(self) -> None:
        """Read the head. A 304 ends with it, whatever it says of a body (RFC 9110 15.4.5), and its connection is free."""
        super().begin()
        if self.status == HTTPStatus.NOT_MODIFIED and not self.will_close:
            self._close_conn()  # type: ignore[attr-defined]  # the standard library's own way to end an answer
