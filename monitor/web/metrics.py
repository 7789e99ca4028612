"""/metrics for a Prometheus: what this process has counted, what the store knows, how its parts are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from monitor.metrics import LABELS, OTHER, REGISTRY
from monitor.model import AlertKind, DeliveryState
from monitor.secret import mask
from monitor.store import Connection, Store, metrics
from monitor.web.health import Health
from monitor.web.site import Site


def blueprint(site: Site) -> Blueprint:
    """The route /metrics, in the format that is asked for."""
    routes = Blueprint("metrics", __name__)
    registry = CollectorRegistry()
    registry.register(Known(site.store, site.now, site.health))

    @routes.get("/metrics")
    def tell() -> Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), content_type=content_type)

    return routes


class Known(Collector):
    """Everything at one moment: the process's counters, and the store in one transaction."""

    def __init__(self, store: Store, now: Callable[[], datetime], health: Health) -> None:
        self._store = store
        self._now = now
        self._health = health
        self._told = metrics.Told()

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: to be registered asks no store."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families."""
        yield from REGISTRY.collect()
        yield _gauge("monitor_ready", "1 while stories are followed, 0 while not.", not self._health.unready())
        yield _by("monitor_part_silent_seconds", "Since a part last showed that it works.", "part", self._health.ages())
        now = self._now()
        with self._store.read() as tx:
            yield from _feeds(tx, now)
            yield _by(
                "monitor_storylines",
                "Storylines that are followed, by state.",
                "state",
                metrics.storylines_by_state(tx),
            )
            self._told = metrics.told(tx, self._told)
            yield _alerts(self._told)
            yield from _deliveries(tx, now)


def _feeds(tx: Connection, now: datetime) -> Iterator[Metric]:
    yield _by("monitor_feeds", "Feeds that are followed, by health.", "health", metrics.feeds_by_health(tx))
    yield _gauge("monitor_lag_seconds", "For how long the feed that is due longest has waited.", metrics.lag(tx, now))
    failures: Counter[str] = Counter()
    for url, count in metrics.failing(tx):
        name = _shown(url)
        failures[name if name in failures or len(failures) < LABELS else OTHER] += count
    yield _by("monitor_feed_failures", "Polls that failed in a row, of the feeds that failed most.", "feed", failures)


def _alerts(told: metrics.Told) -> Metric:
    family = CounterMetricFamily("monitor_alerts", "Alerts that were queued, of all time.", labels=["kind"])
    for kind, count in (dict.fromkeys(map(str, AlertKind), 0) | dict(told.by_kind)).items():
        family.add_metric([kind], count)
    return family


def _deliveries(tx: Connection, now: datetime) -> Iterator[Metric]:
    counts = metrics.deliveries_by_state(tx)
    names = _first(channel for channel, _, _ in counts)
    by_state = Counter({(names(channel), str(state)): 0 for channel, _, _ in counts for state in DeliveryState})
    for channel, state, count in counts:
        by_state[names(channel), state] += count
    family = GaugeMetricFamily("monitor_deliveries", "Deliveries by state, of all time.", labels=["channel", "state"])
    for (channel, state), count in by_state.items():
        family.add_metric([channel, state], count)
    yield family
    waiting = sum(count for _, state, count in counts if state == DeliveryState.PENDING)
    yield _gauge("monitor_outbox_size", "Deliveries that wait to be sent and are not held back.", waiting)
    oldest = metrics.oldest_waiting(tx, now)
    yield _gauge("monitor_outbox_age_seconds", "Since the oldest of those was queued.", max(oldest.values(), default=0))
    age: dict[str, float] = {}
    for channel, seconds in oldest.items():
        age[names(channel)] = max(seconds, age.get(names(channel), 0.0))
    yield _by("monitor_channel_waiting_seconds", "The same, by channel.", "channel", age)
    resting = Counter(map(names, metrics.resting(tx, now)))
    yield _by("monitor_channel_resting", "1 while a channel rests, since its receiver refused us.", "channel", resting)


def _first(channels: Iterable[str]) -> Callable[[str], str]:
    """A channel's label: its name if it is among the first ones, else OTHER."""
    known = frozenset(list(dict.fromkeys(channels))[:LABELS])
    return lambda channel: channel if channel in known else OTHER


def _shown(url: str) -> str:
    """A feed as a label: without what may be secret in an address."""
    parts = urlsplit(url)
    return mask(f"{parts.hostname or ''}{parts.path}")


def _gauge(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(name, said, value=value)


def _by(name: str, said: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, said, labels=[label])
    for of, value in values.items():
        family.add_metric([of], value)
    return family
