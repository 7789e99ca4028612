"""A page over a story that several outlets told."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from monitor.store import Store
from monitor.web import app
from tests.alerts.receiver import Clock
from tests.web import newsroom
from tests.web.sites import make_site


@pytest.fixture
def told(store: Store, clock: Clock) -> Store:
    """A store with the story; its time is noon of that day."""
    newsroom.fill(store)
    clock.now = newsroom.NOON
    return store


@pytest.fixture
def page(told: Store, clock: Clock) -> FlaskClient:
    """Its page, as this machine's own user has it."""
    return app.create(make_site(told, clock, newsroom.config())).test_client()
