"""Harm of every kind while processes on three hosts share 10,000 feeds: what is lost, told twice or polled late, and how many are at a host at once.

    python -m benchmarks.scale.harm [--feeds 10000] [--minutes 12] [--every 240] [--keep FOLDER]

Real processes in three network namespaces, a PostgreSQL server of the measurement's own, receivers for webhooks and mails, and a
server of feeds that counts. Some of the feeds publish developments, each in two places; meanwhile processes are killed or stand
still, connections are cut, the database is restarted, and hosts are cut off. Needs root on Linux; where namespaces are not
allowed, all runs on one host, and none is cut off. The exit code is 1 where something does not hold.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import decode_header, make_header
from pathlib import Path

import yaml
from sqlalchemy import func, select

from benchmarks.scale.harm.team import ROLES, Harm, Team
from benchmarks.scale.harm.verdict import Wire, judged, late
from benchmarks.scale.harm.web import PER_HOST, Web, serving
from benchmarks.speed.measure import machine
from monitor.model import DeliveryState
from monitor.store import Store, outbox
from monitor.store.schema import deliveries, feeds
from tests import cluster, hosts
from tests.end_to_end.world import PASSWORD, SIGNING_SECRET, Hook, Mailbox, free_port, hook_server, mail_server

_INSIDE = "MONITOR_HARM_INSIDE"
_PAUSE = (4.0, 9.0)
"""Seconds from one harm to the next."""
_WHAT = "bridge collapses, twelve people killed"


def names(count: int, chance: random.Random) -> list[str]:
    """So many places that nobody takes for each other."""
    return ["".join(chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in range(5)).title() for _ in range(count)]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything is."""

    hosts: Sequence[hosts.Host]
    server: str
    database: str
    feeds: str
    """The begin of the addresses of the hosts that feeds are on."""

    @property
    def apart(self) -> bool:
        """Whether hosts can be cut off."""
        return bool(self.hosts[0].namespace)

    def url(self, feed: int, port: int) -> str:
        """A feed's address."""
        host = feed // PER_HOST
        return f"http://{self.feeds}.{host // 62_500}.{host // 250 % 250}.{host % 250 + 1}:{port}/{feed}"


@contextmanager
def place() -> Iterator[Place]:
    """Three hosts, or this one as all three."""
    if _INSIDE not in os.environ:
        yield Place([hosts.Host(f"host{number + 1}") for number in range(len(ROLES))], "127.0.0.1", "127.0.0.1", "127")
        return
    with hosts.hosts(len(ROLES)) as made:
        yield Place(made, hosts.SERVER, hosts.DATABASE, "93")


@dataclass(frozen=True, slots=True)
class Run:
    """One run, while it goes."""

    store: Store
    web: Web
    harm: Harm
    team: Team
    every: float
    chance: random.Random

    def until(self, what: Callable[[], bool], seconds: float) -> bool:
        """Wait for that, and for no longer."""
        end = time.monotonic() + seconds
        while not what() and time.monotonic() < end:
            self.team.check()
            time.sleep(1)
        return what()

    def left(self, since: datetime | None = None) -> int:
        """How many feeds were not polled, or not `since`."""
        missing = feeds.c.polled_at.is_(None) if since is None else feeds.c.polled_at < since
        with self.store.read() as tx:
            return tx.execute(select(func.count()).where(feeds.c.followed, missing)).scalar_one()

    def waiting(self) -> int:
        """How many alerts wait to be sent."""
        with self.store.read() as tx:
            return outbox.pending(tx)

    def harmed(self, minutes: float, places: Sequence[str], count: int) -> list[str]:
        """Do harm for so long, while developments are published: their headlines."""
        begun, published = time.monotonic(), list[str]()
        end = begun + 60 * minutes
        next_harm = begun
        while (now := time.monotonic()) < end:
            due = min(len(places), int(len(places) * (now - begun) / (end - begun)) + 1)
            for name in places[len(published) : due]:
                published.append(f"{name} {_WHAT}")
                for feed in self.chance.sample(range(count), 2):
                    self.web.publish(feed, published[-1])
            if now >= next_harm:
                if told := self.harm.next():
                    print(f"{datetime.now(UTC):%H:%M:%S} {told}", flush=True)
                next_harm = time.monotonic() + self.chance.uniform(*_PAUSE)
            self.harm.undo(time.monotonic())
            time.sleep(0.3)
        self.harm.undo(float("inf"))
        return published


def write_config(
    folder: Path, at: Place, urls: Sequence[str], places: Sequence[str], ports: tuple[Hook, Mailbox], every: int
) -> Path:
    """A storyline of each name, on these feeds."""
    hook, mail = ports
    config = {
        "store": {"env": "STORE"},
        "defaults": {"channels": ["mail", "hook"], "every": f"{every}s"},
        "fetch": {"allow_networks": [hosts.NETWORK, "127.0.0.0/8"], "per_host": 1},
        "web": {"listen": f"127.0.0.1:{free_port()}"},
        "storylines": [{"id": f"s{n}", "title": f"{name} bridge", "terms": {"all": [name]}} for n, name in enumerate(places)],
        "feeds": list(urls),
        "channels": {
            "mail": {
                "type": "email", "host": at.server, "port": mail.port, "from": "Monitor <monitor@desk.example>", "to": ["ann@desk.example"],
                "username": "monitor", "password": {"env": "MAIL_PASSWORD"}, "ca_file": mail.ca_file, "policy": {"limit": 0},
            },
            "hook": {"type": "webhook", "url": f"http://{at.server}:{hook.port}/news", "secret": {"env": "HOOK_SECRET"}},
        },
    }  # fmt: skip
    path = folder / "monitor.yaml"
    path.write_text(yaml.safe_dump(config))
    os.environ |= {"HOOK_SECRET": SIGNING_SECRET, "MAIL_PASSWORD": PASSWORD}
    return path


def wires(store: Store, hook: Hook, mail: Mailbox) -> list[Wire]:
    """What the receivers got, beside what the store queued for them."""
    d = deliveries.c
    with store.read() as tx:
        rows = tx.execute(select(d.id, d.channel, d.attempts).where(d.state != DeliveryState.FOLDED)).all()
    tries = {channel: {row.id: row.attempts for row in rows if row.channel == channel} for channel in ("hook", "mail")}
    by_hook = [(identifier.removeprefix("msg_"), payload) for identifier, payload in hook.received]
    told = [(payload["data"]["title"], identifier) for identifier, payload in by_hook if payload["type"] == "storyline.development.new"]  # fmt: skip
    by_mail = [(str(message["Message-ID"]).strip("<>").partition("@")[0], " ".join(str(make_header(decode_header(message["Subject"]))).split())) for message in mail.messages]  # fmt: skip
    headline = re.compile(rf"\w+ {_WHAT}")
    mailed = [(found[0], identifier) for identifier, subject in by_mail if (found := headline.search(subject))]
    return [
        Wire("webhooks", [identifier for identifier, _ in by_hook], told, tries["hook"]),
        Wire("mails", [identifier for identifier, _ in by_mail], mailed, tries["mail"]),
    ]


def measure(asked: argparse.Namespace, folder: Path, stack: ExitStack) -> bool:
    """Run it all; whether everything held."""
    at = stack.enter_context(place())
    chance = random.Random(asked.seed)
    postgresql = stack.enter_context(cluster.cluster(at.database, free_port()))
    port = free_port()
    web = stack.enter_context(serving(port))
    hook, mail = stack.enter_context(hook_server(at.server)), stack.enter_context(mail_server(folder, at.server))
    os.environ["STORE"] = postgresql.url
    places = names(asked.developments, chance)
    config = write_config(folder, at, [at.url(n, port) for n in range(asked.feeds)], places, (hook, mail), asked.every)
    store = stack.enter_context(closing_store(postgresql.url))
    team = Team(at.hosts, config)
    stack.enter_context(team.running())
    run = Run(store, web, Harm(team, postgresql, chance, apart=at.apart), team, asked.every, chance)
    begun = time.monotonic()
    assert run.until(lambda: len(web.counted().asked) == asked.feeds and not run.left(), 1200), "the first polls did not end"  # fmt: skip
    print(f"{asked.feeds} feeds polled for the first time in {time.monotonic() - begun:.0f} s", flush=True)
    published = run.harmed(asked.minutes, places, asked.feeds)
    print("done: " + ", ".join(f"{what} {times} times" for what, times in run.harm.done.items()), flush=True)
    return settled(run, published, lambda: wires(store, hook, mail))


@contextmanager
def closing_store(url: str) -> Iterator[Store]:
    """The store, looked at from outside."""
    store = Store.open(url)
    try:
        yield store
    finally:
        store.close()


def settled(run: Run, published: Sequence[str], told: Callable[[], list[Wire]]) -> bool:
    """Wait until each feed was polled once more and all alerts were sent, and judge."""
    since, begun = datetime.now(UTC), time.monotonic()
    run.until(lambda: not run.left(since), 2 * run.every + 120)
    polled = time.monotonic()
    run.until(lambda: not run.waiting(), 420)
    sent = time.monotonic()
    print(
        f"after the last harm: all feeds polled again in {polled - begun:.0f} s, nothing waits to be sent in {sent - begun:.0f} s"
    )
    counted = run.web.counted()
    found = list(judged(told(), published, late(counted, run.every, polled), run.every, counted))
    for finding in found:
        print(f"{'holds' if finding.holds else 'FAILS'}  {finding.said}")
    for member in run.team.members:
        print(f"       {member.name}: {', '.join(f'{how} {times}' for how, times in sorted(member.ends.items())) or 'never ended'}")  # fmt: skip
    return all(finding.holds for finding in found)


def main() -> int:
    """Run in namespaces where that can be; the exit code."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--feeds", type=int, default=10_000)
    given.add_argument("--minutes", type=float, default=12)
    given.add_argument("--every", type=int, default=240, help="seconds between two polls of a feed")
    given.add_argument("--developments", type=int, default=250)
    given.add_argument("--seed", type=int, default=1)
    given.add_argument("--keep", type=Path, help="a folder for the logs")
    asked = given.parse_args()
    if why_not := cluster.why_not():
        print(why_not, file=sys.stderr)
        return 2
    if _INSIDE not in os.environ:
        if not (why_not := hosts.why_not()):
            return _inside()
        print(f"One host, and none is cut off: {why_not}.")
    print(machine())
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = asked.keep or Path(name)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        return 0 if measure(asked, folder, stack) else 1


def _inside() -> int:
    """The same in a network of its own; who is interrupted there puts away what there is."""
    command = [*hosts.INSIDE, sys.executable, "-m", "benchmarks.scale.harm", *sys.argv[1:]]
    with subprocess.Popen(command, env=os.environ | {_INSIDE: "yes"}) as inside:
        while True:
            with suppress(KeyboardInterrupt):
                return inside.wait()


if __name__ == "__main__":
    sys.exit(main())
