"""Two hosts share the work, and one of them is cut off from the database for longer than what it has is its own; prints what happened.

Run by test_hosts.py in a network of its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select, update

from benchmarks.scale.harm.web import PER_HOST, Counted, Web, serving
from monitor.store import Store
from monitor.store.schema import feeds
from tests.cluster import cluster
from tests.end_to_end.world import SIGNING_SECRET, Hook, free_port, hook_server
from tests.hosts import DATABASE, NETWORK, SERVER, Host, hosts

FEEDS, STALLED, CUT = 40, 6.0, 17.0
OURS, THEIRS = 60.0, 5.0
"""Terms of shares: who was cut off has its own still when it is back, as far as it knows."""
SOON = """
    import sys
    from monitor import engine
    from monitor.feeds import shares
    engine.TERM, engine.STALLED = map(float, sys.argv[-2:])
    shares.STALLED = engine.STALLED
    del sys.argv[-2:]
    from monitor.__main__ import main
    main()
"""


def write_config(folder: Path, store: str, port: int, hook: Hook) -> Path:
    urls = "".join(f"  - http://93.0.0.{n // PER_HOST + 1}:{port}/{n}\n" for n in range(FEEDS))
    path = folder / "monitor.yaml"
    path.write_text(
        f"""store: {{env: STORE}}
defaults: {{channels: [hook]}}
fetch: {{allow_networks: [{NETWORK}], per_host: 1, spacing: 0s}}
storylines:
  - {{id: dam, title: The Orla dam, terms: [Orla dam]}}
  - {{id: ferry, title: The Lindal ferry, terms: [Lindal ferry]}}
channels:
  hook: {{type: webhook, url: "http://{SERVER}:{hook.port}/news", secret: {{env: HOOK_SECRET}}}}
feeds:
{urls}"""
    )
    os.environ |= {"STORE": store, "HOOK_SECRET": SIGNING_SECRET}
    return path


def begin(host: Host, config: Path, term: float, *roles: str) -> subprocess.Popen[bytes]:
    options = [word for role in roles for word in ("--role", role)]
    command = host.command(
        sys.executable, "-c", textwrap.dedent(SOON), "run", "-c", str(config), *options, str(term), str(STALLED)
    )
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=(config.parent / host.name).open("ab"))


def wait_for(what: Callable[[], bool], seconds: float, store: Store) -> None:
    """Poll all feeds over and over until `what` holds. Who waits keeps its turn."""
    begun = time.monotonic()
    while not what():
        assert time.monotonic() < begun + seconds, "it did not happen"
        now = datetime.now(UTC)
        due = update(feeds).where(feeds.c.next_poll_at > now).values(next_poll_at=now)
        store.write(partial(Connection.execute, statement=due))
        time.sleep(0.25)


def known(store: Store) -> int:
    """How many feeds have been polled, and what that brought was kept."""
    with store.read() as tx:
        return tx.execute(select(func.count()).where(feeds.c.polled_at.is_not(None))).scalar_one()


def polled(counted: Counted, by: Host, since: float) -> int:
    """How many feeds a host has polled since then."""
    return sum(any(at > since and source == by.address for at, source in asked) for asked in counted.asked.values())


def cut_off(web: Web, hook: Hook, store: Store, ours: Host, theirs: Host) -> dict[str, Any]:
    def told() -> int:
        return len(hook.of_kind("storyline.development.new"))

    wait_for(lambda: polled(web.counted(), ours, 0) > 5, 30, store)
    web.publish(7, "Orla dam: three people die in explosion")
    web.publish(22, "Orla dam: three people die in explosion")
    ours.cut_from(DATABASE)
    lost = time.monotonic() + STALLED
    wait_for(
        lambda: time.monotonic() > lost + CUT - STALLED and polled(web.counted(), theirs, lost) == FEEDS, 60, store
    )
    meanwhile = web.counted()
    ours.join_to(DATABASE)
    healed = time.monotonic()
    web.publish(31, "Lindal ferry sinks, twelve people killed")
    wait_for(lambda: told() >= 2 and polled(web.counted(), ours, healed) > 5, 30, store)
    return {
        "by the one that was cut off": polled(meanwhile, ours, lost),
        "told": [data["title"] for data in hook.of_kind("storyline.development.new")],
        "ids": Counter(hook.ids),
        "most": web.counted().most,
        "at once": web.counted().at_once[:5],
    }


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours, theirs = stack.enter_context(hosts(2))
        server, port = stack.enter_context(cluster(DATABASE, free_port())), free_port()
        web, hook = stack.enter_context(serving(port)), stack.enter_context(hook_server(SERVER))
        config = write_config(folder, server.url, port, hook)
        store = stack.enter_context(closing(Store.open(server.url)))
        processes = [begin(theirs, config, THEIRS, "scheduler", "worker", "deliverer")]
        try:
            while known(store) < FEEDS:  # who was never polled comes after all the others of its host
                time.sleep(0.25)
            processes.append(begin(ours, config, OURS, "worker"))  # the first to come has all shares for a term
            happened = cut_off(web, hook, store, ours, theirs)
            for process in processes:
                process.send_signal(signal.SIGTERM)
            json.dump(happened | {"codes": [process.wait(20) for process in processes]}, sys.stdout)
        finally:
            for log in sorted(folder.glob("host*")):
                sys.stderr.write(f"{log.name}:\n{log.read_text()}\n")


if __name__ == "__main__":
    main()
