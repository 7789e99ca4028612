"""Several processes share the work: each has a part of it, any may die or stand still, and nothing is lost or sent twice."""

from __future__ import annotations

import functools
import random
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import requests

from tests.end_to_end.test_kill import EVENTS, PLACES, STORYLINES
from tests.end_to_end.world import World, on_postgresql, serving
from tests.server import Database

pytestmark = on_postgresql

SOON = """
    from datetime import timedelta
    from monitor import deliver, engine, polls
    deliver.LEASE = timedelta(seconds=12)
    polls._REST_AFTER_REFUSAL = 3.0
    engine.STALLED = 6.0
    engine.TERM = 5.0
"""
"""So that a test need not wait for half a minute, nor for what a process had claimed that was killed."""


def begin(world: World, *roles: str) -> None:
    world.write_config("herald", extra=STORYLINES)
    for role in roles:
        world.join(role, code=SOON)
    world.wait_for(lambda: world.starts == len(roles), 60)
    world.poll_all()


def can_be_told_to_end(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has begun to heed SIGTERM; the one that was started last may not have come so far."""
    (caught,) = re.findall(r"^SigCgt:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def end(world: World) -> None:
    world.wait_for(lambda: all(map(can_be_told_to_end, world.team)))
    for process in world.team:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(20) for process in world.team] == [0] * len(world.team)
    assert "Traceback" not in world.log


def publish(world: World, number: int) -> None:
    """The next event of the week."""
    title = f"{PLACES[number % len(PLACES)]}: {EVENTS[number // len(PLACES)]}"
    world.web.publish("herald", title, f"Number {number + 1} of this week's events.")
    world.make_due()


def nothing_is_lost_or_told_twice(world: World, published: int) -> None:
    """Each alert once by its identity; on the wire again only where it was not known whether it had come through (D19)."""
    world.wait_for(lambda: len(world.entries()) == published, 90)
    world.wait_for(lambda: world.waiting() == 0, 90)
    alerts = world.json("deliveries", "--limit", "1000")
    assert len({alert["title"] for alert in alerts if alert["kind"] == "new"}) >= max(1, published // 3)
    assert set(world.hook.ids) == {f"msg_{a['id']}" for a in alerts if a["channel"] == "hook"}
    assert set(world.mail.ids) == {f"<{a['id']}@desk.example>" for a in alerts if a["channel"] == "mail"}
    told = [data["title"] for data in world.hook.of_kind("storyline.development.new")]
    assert len(set(told)) == len(
        {identifier for identifier, payload in world.hook.received if payload["data"]["title"] in told}
    )


@pytest.mark.no_cover
def test_processes_with_a_role_each_follow_stories_together_and_any_may_be_killed(world: World) -> None:
    """S1, S14."""
    kill_again_and_again(world, kills=5, moments=random.Random(8))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_any_may_be_killed_a_hundred_times(world: World) -> None:
    kill_again_and_again(world, kills=100, moments=random.Random())


def kill_again_and_again(world: World, *, kills: int, moments: random.Random) -> None:
    begin(world, "scheduler", "scheduler", "worker", "worker", "deliverer", "deliverer", "web")
    published = min(kills, len(PLACES) * len(EVENTS))
    for number in range(kills):
        if number < published:
            publish(world, number)
        world.make_due()
        time.sleep(moments.uniform(0.1, 2.0))
        victim = world.team.pop(moments.randrange(len(world.team)))
        (role,) = roles_of(victim)
        victim.kill()
        victim.wait()
        world.join(role, code=SOON)
    nothing_is_lost_or_told_twice(world, published)
    world.wait_for(lambda: requests.get(f"http://127.0.0.1:{world.page_port}/", timeout=10).ok)
    end(world)


def test_a_process_that_stands_still_is_replaced_and_does_no_harm_when_it_goes_on(world: World) -> None:
    """S14: for longer than its jobs are its own, in the midst of a poll and in the midst of a delivery."""
    begin(world, "scheduler", "worker", "worker", "deliverer", "deliverer")
    world.web.hold.clear()
    publish(world, 0)
    world.wait_for(lambda: world.web.held > 0)
    paused = world.team[1:3]  # whichever of the two it is that asks
    stop(paused)
    world.web.hold.set()
    other = world.join("worker", code=SOON)
    world.wait_for(lambda: len(world.entries()) == 1, 60)
    world.hook.hold.clear()
    publish(world, 1)
    world.wait_for(lambda: world.hook.held > 0, 60)
    stop(world.team[3:5])
    world.hook.hold.set()
    world.join("deliverer", code=SOON)
    time.sleep(8)
    go_on([*paused, *world.team[3:5]])
    publish(world, 2)
    nothing_is_lost_or_told_twice(world, 3)
    assert other.poll() is None
    end(world)


@pytest.mark.traced
@pytest.mark.timeout(300)
def test_a_database_that_goes_away_under_all_of_them_is_found_again(world: World, postgresql: Database) -> None:
    """S14: connections cut at any moment, and a server that is down for some seconds."""
    begin(world, "scheduler", "worker", "deliverer")
    moments = random.Random(14)
    for number in range(4):
        publish(world, number)
        for _ in range(3):
            time.sleep(moments.uniform(0.05, 0.5))
            for process in world.team:
                postgresql.cut(process.pid)
    with postgresql.away():
        time.sleep(4)
    publish(world, 4)
    nothing_is_lost_or_told_twice(world, 5)
    end(world)


@pytest.mark.traced
def test_no_host_is_polled_by_two_workers_at_once(world: World) -> None:
    """H24: as its server counts; workers come and go meanwhile, and pass shares on every few seconds."""
    with many_hosts() as served:
        world.write_config()
        feeds = "".join(f"  - http://127.0.{n % 4}.{n % 10 + 1}:{served.port}/{n}\n" for n in range(160))
        world.config.write_text(
            world.config.read_text().replace("feeds:\n", f"feeds:\n{feeds}").replace("per_host: 8", "per_host: 1")
        )
        for role in ("scheduler", "worker", "worker"):
            world.join(role, code=SOON)
        world.wait_for(lambda: world.starts == 3, 60)
        for number in range(4):
            before = served.answered
            world.make_due()
            world.wait_for(functools.partial(served.has_answered, before + 160), 60)
            if number == 2:
                leaving = world.team.pop(1)
                leaving.send_signal(signal.SIGTERM)
                assert leaving.wait(20) == 0
        end(world)
    assert served.most == 1


class Served:
    """Hosts on loopback: how many requests were at one of them at once, at most."""

    def __init__(self) -> None:
        self.port, self.answered, self.most = 0, 0, 0
        self._at: Counter[str] = Counter()
        self._lock = threading.Lock()

    def has_answered(self, times: int) -> bool:
        return self.answered >= times

    @contextmanager
    def asking(self, host: str) -> Iterator[None]:
        with self._lock:
            self._at[host] += 1
            self.most = max(self.most, self._at[host])
        yield
        with self._lock:
            self._at[host] -= 1
            self.answered += 1


@contextmanager
def many_hosts() -> Iterator[Served]:
    """One feed at each path of each address of loopback; each takes its time."""
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with served.asking(self.headers["Host"]):
                time.sleep(0.02)
                body = b"<rss version='2.0'><channel><title>One of many</title></channel></rss>"
                self.send_response(200)
                self.send_header("Content-Type", "application/rss+xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    with serving(Handler, "") as served.port:
        yield served


def roles_of(process: subprocess.Popen[bytes]) -> list[str]:
    words = process.args[process.args.index("--role") :] if isinstance(process.args, list) else []
    return [str(word) for word in words if word != "--role"]


def stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.send_signal(signal.SIGSTOP)


def go_on(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.send_signal(signal.SIGCONT)
