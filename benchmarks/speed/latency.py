"""How long from the change of a feed to the alert in the hands of a mail server, while 500 other feeds are polled each minute.

`python -m benchmarks.speed.latency [--samples N]`. The feeds are served by a process of their own, mails are taken by a real SMTP server
with TLS, and the daemon is `monitor run`. Half of the changes are pushed as by a WebSub hub, and count from the moment at which the
hub speaks; the other half are found by a poll, and count from the moment at which the poll's request arrives.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import itertools
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from multiprocessing.managers import DictProxy
from pathlib import Path

import requests

from benchmarks.speed.measure import machine
from monitor.model import Subscription
from monitor.store import Store, feeds, subscriptions
from tests.end_to_end.world import PASSWORD, Mailbox, free_port, mail_server

OTHERS = 500
_SECRET = "secret-of-the-hub"
_NAMES = ["".join(parts) for parts in itertools.product(("Kor", "Bel", "Tar", "Vin", "Sol", "Mar"), ("an", "ed", "il", "og", "ush"), ("dale", "ford", "by", "wick", "ham", "ton"))]  # fmt: skip


def document(name: str, titles: Sequence[str]) -> bytes:
    """An RSS feed of these titles."""
    items = "".join(f"<item><title>{title}</title><guid>{title}</guid></item>" for title in titles)
    return f"<rss version='2.0'><channel><title>{name}</title>{items}</channel></rss>".encode()


def headline(name: str) -> str:
    """What happens where `name` says."""
    return f"{name} bridge collapses, twelve people killed"


def _serve(told: Connection, titles: DictProxy[str, str], asked: DictProxy[str, float]) -> None:
    seen: dict[str, int] = defaultdict(int)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            begin, feed = time.monotonic(), self.path.strip("/")
            seen[feed] += 1
            if feed.startswith("other"):
                body = document(feed, [f"Weather of {feed}, part {n}" for n in range(30 + seen[feed] // 10)])
            else:
                body = document(feed, ["Harbour fair opens", *([titles[feed]] if feed in titles else [])])
                if feed in titles:
                    asked.setdefault(titles[feed], begin)
            self.send_response(200)
            self.send_header("Content-Type", "application/rss+xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.send(server.server_address[1])
    server.serve_forever()


class _Arrivals(list):  # type: ignore[type-arg]
    """Takes mails, and notes when each came."""

    def __init__(self) -> None:
        super().__init__()
        self.at: dict[str, float] = {}

    def append(self, message: object) -> None:
        """Take a mail."""
        said = " ".join(str(message["Subject"]).split())  # type: ignore[index]
        self.at.update((name, time.monotonic()) for name in _NAMES if headline(name) in said and name not in self.at)
        super().append(message)


def _configuration(folder: Path, port: int, web: int, mail: Mailbox, names: Sequence[str]) -> Path:
    watched = [f"watched{n}" for n in range(len(names))]
    path = folder / "monitor.yaml"
    path.write_text(
        f"""store: sqlite:///{folder}/monitor.db
defaults: {{channels: [mail]}}
fetch: {{allow_networks: [127.0.0.0/8], per_host: 16}}
web: {{base_url: "http://127.0.0.1:{web}", listen: "127.0.0.1:{web}"}}
storylines:
{"".join(f"  - {{id: s{n}, title: {name} bridge, terms: {{all: [{name}]}}}}" + chr(10) for n, name in enumerate(names))}feeds:
{"".join(f"  - {{url: 'http://127.0.0.1:{port}/{feed}', name: {feed}, every: 1h}}" + chr(10) for feed in watched)}{"".join(f"  - {{url: 'http://127.0.0.1:{port}/other{n}', name: other{n}, every: 1m}}" + chr(10) for n in range(OTHERS))}channels:
  mail: {{type: email, host: localhost, port: {mail.port}, from: Monitor <monitor@desk.example>, to: [ann@desk.example], username: monitor,
         password: {{env: MAIL_PASSWORD}}, ca_file: {mail.ca_file}, policy: {{limit: 0}}}}
"""
    )
    return path


@contextmanager
def _running(path: Path, stages: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "benchmarks.speed.stages", str(stages), "run", "-c", str(path)]
    with (path.parent / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, "MAIL_PASSWORD": PASSWORD}, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _until(what: str, done: object, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not done():  # type: ignore[operator]
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


def _push(web: int, url: str, store: Store, name: str) -> float:
    now, token = datetime.now(UTC), f"token-of-{name}"
    subscription = Subscription(
        feed=url, hub="http://127.0.0.1:9/", topic=url, token=token, secret=_SECRET, ask_at=now + timedelta(days=1),
        lease_until=now + timedelta(days=1),
    )  # fmt: skip
    store.write(partial(subscriptions.save, subscription=subscription))
    body = document("hub", ["Harbour fair opens", headline(name)])
    signature = "sha256=" + hmac.new(_SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature": signature, "Content-Type": "application/rss+xml"}
    begin = time.monotonic()
    answer = requests.post(f"http://127.0.0.1:{web}/websub/{token}", data=body, headers=headers, timeout=30)
    answer.raise_for_status()
    return begin


def run(samples: int) -> None:
    """Measure, and print."""
    names = _NAMES[:samples]
    with multiprocessing.Manager() as manager, tempfile.TemporaryDirectory() as made:
        folder, titles, asked = Path(made), manager.dict(), manager.dict()
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.Process(target=_serve, args=(theirs, titles, asked), daemon=True)
        server.start()
        port, web = ours.recv(), free_port()
        with mail_server(folder) as mail:
            mail.messages = arrivals = _Arrivals()
            path = _configuration(folder, port, web, mail, names)
            with _running(path, folder / "stages") as process:
                store = Store.open(f"sqlite:///{folder}/monitor.db") if _wait_for(folder) else None
                assert store is not None
                begun = _measure(store, (port, web), names, (titles, asked), arrivals)
                used = _cpu(process.pid)
                store.close()
        server.terminate()
        report(begun, arrivals.at, _stages(folder / "stages"), used)


def _wait_for(folder: Path) -> bool:
    _until("start", lambda: b"run feeds=" in (folder / "log").read_bytes())
    return True


def _is_any_unpolled(store: Store) -> bool:
    with store.read() as tx:
        return feeds.is_any_unpolled(tx)


def _measure(
    store: Store,
    ports: tuple[int, int],
    names: Sequence[str],
    served: tuple[DictProxy[str, str], DictProxy[str, float]],
    arrivals: _Arrivals,
) -> dict[str, dict[str, float]]:
    """How -> name -> when its change was there to be had."""
    (port, web), (titles, asked) = ports, served
    _until("the first polls", lambda: not _is_any_unpolled(store))
    time.sleep(3)
    pushed = {}
    for number, name in enumerate(names):
        url = f"http://127.0.0.1:{port}/watched{number}"
        if number % 2:
            pushed[name] = _push(web, url, store, name)
        else:
            titles[f"watched{number}"] = headline(name)
            store.write(partial(feeds.make_due, now=datetime.now(UTC), url=url))
        time.sleep(0.6)
    with suppress(TimeoutError):
        _until("the last mails", lambda: len(arrivals.at) == len(names), 15)
    polled = {name: asked[headline(name)] for name in names[::2] if headline(name) in asked}
    return {"pushed": pushed, "polled": polled}


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _stages(file: Path) -> dict[str, dict[str, tuple[float, float]]]:
    """Name -> stage -> its begin and end."""
    found: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    for line in file.read_text().splitlines():
        stage, begin, end, subjects = json.loads(line)
        said = " ".join(subjects)
        for name in _NAMES:
            if headline(name) in said:
                found[name].setdefault(stage, (begin, end))
    return found


def report(
    begun: dict[str, dict[str, float]],
    arrived: dict[str, float],
    stages: dict[str, dict[str, tuple[float, float]]],
    cpu: float,
) -> None:
    """Print the percentiles, and where the time went."""
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}; the daemon used {cpu:.1f} s of CPU")
    for how, known in begun.items():
        when = {name: begin for name, begin in known.items() if name in arrived}
        if len(when) < len(known):
            print(
                f"no mail of {len(known) - len(when)} that were {how}: {', '.join(sorted(known.keys() - when.keys()))}"
            )
        print(_line(how, [arrived[name] - begin for name, begin in when.items()]))
        steps: dict[str, list[float]] = defaultdict(list)
        for name, begin in when.items():
            last = begin
            for stage in ("parse", "settled", "committed", "send"):
                start, end = stages[name][stage]
                if stage == "committed":  # no work of its own: what wakes the sender follows from then on
                    last = start
                    continue
                steps[f"until {stage}"].append(start - last)
                steps[stage].append((arrived[name] if stage == "send" else end) - start)
                last = end
        for step, took in steps.items():
            print(_line(f"  {step}", took))


def _line(name: str, took: Sequence[float]) -> str:
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    shown = "  ".join(
        f"{label} {1000 * value:6.0f} ms"
        for label, value in (("median", cuts[49]), ("p90", cuts[89]), ("p99", cuts[98]))
    )
    return f"{name:16} {len(took):4} {shown}"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--samples", type=int, default=len(_NAMES), help=f"changes, at most {len(_NAMES)}")
    run(arguments.parse_args().samples)
