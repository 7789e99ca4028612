"""A daemon that is well, for pages that are tested without one."""

from __future__ import annotations

from monitor.web.health import Health

WELL = Health(check=lambda: None, unready=lambda: "", ages=lambda: {"desk": 0.5})
