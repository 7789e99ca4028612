"""Alerts on a dam that may burst, and what makes them."""

from __future__ import annotations

import pytest

from monitor.model import Alert, Delivery
from tests.alerts.samples import make_alert, make_delivery


@pytest.fixture
def alert() -> Alert:
    return make_alert()


@pytest.fixture
def delivery() -> Delivery:
    return make_delivery()
