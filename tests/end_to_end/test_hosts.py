"""Several hosts share the work, and one is cut off from the others: for real, in network namespaces."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests import cluster, hosts
from tests.needed import needed


def test_a_host_that_is_cut_off_from_the_database_is_replaced_and_does_no_harm_when_it_is_back() -> None:
    """H24, S14: for longer than its shares are its own; while it reaches the servers that it polls, as before."""
    needed(hosts.why_not() or cluster.why_not())
    done = subprocess.run(
        [*hosts.INSIDE, sys.executable, "-m", "tests.end_to_end.cut_off"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    happened = json.loads(done.stdout)
    assert happened["codes"] == [0, 0], done.stderr
    assert happened["by the one that was cut off"] == 0
    assert sorted(happened["told"]) == ["Lindal ferry sinks, twelve people killed", "Orla dam: three people die in explosion"]  # fmt: skip
    assert max(happened["ids"].values()) == 1
    assert happened["most"] == 1, happened["at once"]
