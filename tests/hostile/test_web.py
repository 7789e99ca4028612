"""The real daemon on a web that is half hostile: feeds that are well are polled on time, and nobody is taken along."""

from __future__ import annotations

import logging
import random
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import bindparam, update

from monitor.model import Feed, FeedState
from monitor.store import Store, feeds
from monitor.store.schema import feeds as table
from tests.end_to_end.world import FeedServer, Hook, Mailbox, World, free_port
from tests.hostile.rows import all_rows, authority
from tests.hostile.web import NETWORKS, Row, Web, serving_web

log = logging.getLogger(__name__)

HEALTHY = 200
LATE = 5.0
"""Seconds by which 99 of 100 polls of healthy feeds may be late."""
GROWTH = 32.0
"""MB by which the daemon's memory may grow."""
NEVER = timedelta(days=300)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def resident(pid: int) -> float:
    """MB of memory that a process has in use, without its children."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


@dataclass
class Trial:
    """A daemon, its web, and a plan by which feeds become due; their own intervals are too long for a test."""

    world: World
    web: Web
    patience: float
    plan: dict[str, float] = field(default_factory=dict)
    """URL of a healthy feed -> when it is due, as a rule in the near future."""
    lateness: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def follow(self) -> None:
        """Write the configuration, hostile feeds first, and a store in which none of those is due yet."""
        urls = [*self.web.hostile, *self.web.healthy]
        authority().cert_pem.write_to_path(str(self.world.folder / "ca.pem"))
        listed = "".join(f"  - {{url: '{url}', every: 1m}}\n" for url in urls)
        self.world.config.write_text(
            f"""store: {self.world.store_url}
defaults: {{channels: [console]}}
fetch: {{allow_networks: {NETWORKS}, timeout: {self.patience:g}s, ca_file: ca.pem}}
entities: {{Orla dam: [Orla dam]}}
storylines: [{{id: dam, title: The Orla dam, terms: [Orla dam]}}]
channels: {{console: {{type: console}}}}
feeds:
{listed}"""
        )
        with self.world.opened() as store:
            store.write(lambda tx: feeds.sync(tx, [Feed(url=url) for url in urls], datetime.now(UTC)))
            self.make_due(store, dict.fromkeys(self.web.hostile, datetime.now(UTC) + NEVER))

    def make_due(self, store: Store, times: dict[str, datetime]) -> None:
        if times:
            changed = update(table).where(table.c.url == bindparam("ours")).values(next_poll_at=bindparam("due"))
            rows = [{"ours": url, "due": due} for url, due in times.items()]
            store.write(lambda tx: tx.execute(changed, rows))

    def states(self, store: Store) -> dict[str, FeedState]:
        with store.read() as tx:
            return {state.url: state for state in feeds.everything(tx)}

    def settled(self, store: Store) -> bool:
        """Whether all healthy feeds were polled once; looked at now and then, not to be in the way."""
        assert self.world.process is not None
        assert self.world.process.poll() is None, self.world.log
        time.sleep(0.5)
        states = self.states(store)
        return all(states[url].succeeded_at for url in self.web.healthy)

    def run(self, store: Store, seconds: float, moments: random.Random) -> None:
        """Have healthy feeds due all the time, each every few seconds, and hostile ones again as soon as each has failed."""
        begin = time.time()
        self.plan = {url: begin + moments.uniform(0, 18) for url in self.web.healthy}
        self.make_due(store, {url: moment(due) for url, due in self.plan.items()})
        self.make_due(store, dict.fromkeys(self.web.hostile, moment(begin)))
        while time.time() < begin + seconds:
            time.sleep(0.5)
            self.go_on(self.states(store), store, moments, begin)
            assert self.world.process is not None
            assert self.world.process.poll() is None, f"the daemon ended:\n{self.world.log[-4000:]}"
            self.memory.append(resident(self.world.process.pid))
        self.lateness += [time.time() - due for due in self.plan.values() if due < time.time() - LATE]

    def go_on(self, states: dict[str, FeedState], store: Store, moments: random.Random, begin: float) -> None:
        """What was polled as planned is planned again; a feed that waits still waits."""
        due: dict[str, datetime] = {}
        for url, planned in self.plan.items():
            polled_at = states[url].polled_at
            if polled_at is not None and polled_at >= moment(planned):
                self.lateness.append(next(at for at in self.web.polled[url] if at >= planned) - planned)
                self.plan[url] = time.time() + moments.uniform(10, 30)
                due[url] = moment(self.plan[url])
        for url, row in self.web.hostile.items():
            polled_at = states[url].polled_at
            again = states[url].next_poll_at > datetime.now(UTC) + timedelta(seconds=12) and row.wait is None
            if polled_at is not None and polled_at >= moment(begin) and again:
                due[url] = datetime.now(UTC) + timedelta(seconds=10)
        self.make_due(store, due)


@pytest.fixture
def trial(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Trial]:
    port = free_port()
    with serving_web(HEALTHY, all_rows(port), port) as web:
        world = World(tmp_path, FeedServer(), Hook(), Mailbox())
        yield Trial(world, web, patience=request.param)
        if world.process is not None and world.process.poll() is None:
            world.stop(signal.SIGKILL)


def wrong(row: Row, state: FeedState, reasons: set[str]) -> str:
    """What is not as it should be with a hostile feed; empty when all is."""
    if (state.failures > 0) != bool(row.reason) or row.told not in state.error:
        return f"{row.name}: failures={state.failures} error={state.error!r}"
    if row.reason and reasons != {row.reason}:
        return f"{row.name}: reasons {reasons}, not {row.reason}"
    waited = state.next_poll_at - (state.polled_at or state.next_poll_at)
    if row.wait is not None and not row.wait * 0.99 <= waited <= row.wait * 1.11:
        return f"{row.name}: waits {waited}, not {row.wait}"
    return ""


@pytest.mark.no_cover
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(
    ("trial", "seconds"),
    [pytest.param(6.0, 20.0, id="short"), pytest.param(30.0, 300.0, id="long", marks=pytest.mark.soak)],
    indirect=["trial"],
)
def test_healthy_feeds_are_on_time_beside_a_hostile_web(trial: Trial, seconds: float) -> None:
    """H1-H9, H14, H15, H18-H20, H22-H25, H32, H35-H38."""
    trial.follow()
    process = trial.world.start()
    with trial.world.opened() as store:
        trial.world.wait_for(lambda: trial.settled(store), 180)
        level = resident(process.pid)
        trial.run(store, seconds, random.Random(5))
        states = trial.states(store)
    assert trial.world.stop() == 0
    written = trial.world.log
    reasons: dict[str, set[str]] = {url: set() for url in trial.web.hostile}
    for url, reason in re.findall(r"poll feed=(\S+) failures=\d+ reason=(\S+)", written):
        reasons[url].add(reason)
    late = sorted(trial.lateness)
    held = [time for times in trial.web.held.values() for time in times]
    p99 = late[len(late) * 99 // 100]
    log.info("late: p50 %.2f s, p99 %.2f s, most %.2f s of %d polls", late[len(late) // 2], p99, late[-1], len(late))
    log.info("memory: %.0f MB, at most %.0f MB; %d hostile connections", level, max(trial.memory), len(held))
    assert [said for url, row in trial.web.hostile.items() if (said := wrong(row, states[url], reasons[url]))] == []
    assert trial.web.forbidden == []
    assert not re.search(r"Traceback|died|CRITICAL", written), written[-9000:]
    assert all(states[url].failures == 0 for url in trial.web.healthy)
    assert max(held) < trial.patience + 3
    assert p99 <= LATE
    assert max(trial.memory) - level <= GROWTH
