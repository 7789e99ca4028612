"""`python -m benchmarks.speed.stages FILE run -c CONFIG`: the daemon, which notes when it reads, settles and sends what."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monitor import deliver, polls
from monitor.__main__ import main
from monitor.desk import Desk
from monitor.feeds.fetch import Gate
from monitor.feeds.parse import Parser


def watch(file: Path) -> None:
    """Write a line for each step from now on: its name, its begin and end, and what it was about."""
    out = file.open("a", buffering=1)

    def wrapped(name: str, step: Callable[..., Any], about: Callable[[Any, Any], list[str]]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            begin = time.monotonic()
            found = step(*given)
            if subjects := about(given, found):
                out.write(json.dumps([name, begin, time.monotonic(), subjects]) + "\n")
            return found

        return call

    titles = lambda _given, document: [item.title for item in document.items]  # noqa: E731
    alerted = lambda _given, changes: [alert.title for alert in changes.alerts]  # noqa: E731
    committed = lambda given, _none: [alert.title for alert in given[1].alerts]  # noqa: E731
    Gate.fetch = wrapped("fetch", Gate.fetch, lambda _given, got: [got.body.decode()])  # type: ignore[method-assign]
    Parser.parse = wrapped("parse", Parser.parse, titles)  # type: ignore[method-assign]
    Desk._settle = wrapped("settled", Desk._settle, alerted)  # type: ignore[method-assign]  # noqa: SLF001
    polls.tell = wrapped("committed", polls.tell, committed)  # type: ignore[attr-defined]
    deliver._send = wrapped("send", deliver._send, lambda given, _error: [given[1].title])  # noqa: SLF001


if __name__ == "__main__":
    watch(Path(sys.argv.pop(1)))
    main()
