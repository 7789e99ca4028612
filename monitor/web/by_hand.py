"""What a page cannot write into the configuration, shown so that a person can: a service's own file is often read-only."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from flask import render_template
from werkzeug.wrappers import Response

from monitor.errors import ConfigError, MonitorError
from monitor.web.site import Site

Page = tuple[str, int]


def written(site: Site, change: Callable[[], Response], lines: Callable[[], str]) -> Response | Page:
    """The answer to a change that was written, after which the configuration is read again; else `lines` to write oneself.

    Raises ConfigError where the file was wrong before, and nothing can be said of a change.
    """
    try:
        done = change()
    except ConfigError:
        raise
    except MonitorError as error:
        with suppress(MonitorError):
            return render_template("by_hand.html", said=str(error), lines=lines(), file=site.config().source), 409
        raise
    site.reload()
    return done
