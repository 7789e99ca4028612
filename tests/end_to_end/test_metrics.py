"""The real daemon as a Prometheus and a watcher see it: what it did is counted once, over a restart too, and it says when it is well."""

from __future__ import annotations

import signal
import threading

import requests
from prometheus_client.parser import text_string_to_metric_families as read_text

from tests.end_to_end.world import World, free_port


class Watched:
    """A daemon that follows one feed and serves its page."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.at = f"http://127.0.0.1:{(port := free_port())}"
        world.write_config("herald", extra=f"web: {{base_url: '{self.at}', listen: '127.0.0.1:{port}'}}\n")
        self.start()

    def start(self) -> None:
        self.world.start()
        self.world.wait_for(lambda: self.status("/readyz") == 200, 40)

    def status(self, path: str) -> int:
        try:
            return requests.get(self.at + path, timeout=5).status_code
        except requests.ConnectionError:
            return 0

    def told(self, name: str, *labels: str) -> float:
        families = read_text(requests.get(f"{self.at}/metrics", timeout=5).text)
        samples = (sample for family in families for sample in family.samples)
        return next((s.value for s in samples if (s.name, *s.labels.values()) == (name, *labels)), 0.0)


def test_what_it_did_is_counted_and_alerts_are_counted_over_a_restart(world: World) -> None:
    watched = Watched(world)
    assert watched.status("/healthz") == 200
    world.poll_all()
    world.web.publish("herald", "Orla dam closed after crack is found")
    world.poll_all()
    world.wait_for(lambda: len(world.hook.received) == 1 and len(world.mail.messages) == 1)
    world.wait_for(lambda: watched.told("monitor_handover_seconds_count") == 2)
    polls = {outcome: watched.told("monitor_polls_total", outcome) for outcome in ("new", "unchanged", "failed")}
    assert polls == {"new": 1, "unchanged": sum(polls.values()) - 1, "failed": 0}
    assert sum(polls.values()) == len(world.web.requests) == watched.told("monitor_poll_seconds_count")
    assert watched.told("monitor_developments_total") == watched.told("monitor_alerts_total", "new") == 1
    assert watched.told("monitor_deliveries", "hook", "sent") == watched.told("monitor_deliveries", "mail", "sent") == 1
    assert 0 < watched.told("monitor_handover_seconds_sum") < 30
    assert watched.told("process_resident_memory_bytes") > 20_000_000
    assert world.stop() == 0
    assert watched.status("/healthz") == 0
    watched.start()
    assert watched.told("monitor_alerts_total", "new") == 1
    assert watched.told("monitor_developments_total") == 0


def test_two_at_once_are_told_the_same(world: World) -> None:
    """The page has a few threads; what they share is right all the same."""
    watched = Watched(world)
    world.poll_all()
    world.web.publish("herald", "Orla dam closed after crack is found")
    world.poll_all()
    world.wait_for(lambda: watched.told("monitor_alerts_total", "new") == 1)
    found: list[float] = []
    threads = [
        threading.Thread(target=lambda: found.extend(watched.told("monitor_alerts_total", "new") for _ in range(5)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1.0] * 20
    assert world.stop(signal.SIGTERM) == 0
