"""No way leads to a forbidden address: tried for real in a network where all of them can be reached, and counted by who takes them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from monitor.feeds.address import Policy
from tests.hostile.ranges import METADATA, RANGES
from tests.needed import needed

pytestmark = pytest.mark.traced

ROOT = Path(__file__).parents[2]
NAMESPACE = ("unshare", "--net", "--mount")


@cache
def _why_not() -> str:
    """What is missing for a network of one's own; empty when nothing is."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return "there is no unshare (Debian's util-linux)"
    if shutil.which("ip") is None:
        return "there is no ip (Debian's iproute2)"
    tried = subprocess.run([*NAMESPACE, "ip", "link", "set", "lo", "up"], capture_output=True, text=True, check=False)
    return f"no network namespace can be made here: {tried.stderr.strip()}" if tried.returncode else ""


def happened(scenario: str, *, thorough: bool = False) -> dict[str, Any]:
    """What a scenario of scenarios.py returned."""
    needed(_why_not())
    environment = os.environ | ({"THOROUGH": "yes"} if thorough else {})
    done = subprocess.run(
        [*NAMESPACE, sys.executable, "-m", "tests.hostile.scenarios", scenario],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1500 if thorough else 100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_range_can_be_reached_where_this_is_tried() -> None:
    """The listener would have counted what the gate must not do."""
    assert len(RANGES) >= 40
    assert happened("reachable")["missed"] == []


def test_no_spelling_of_an_address_in_any_range_leads_there() -> None:
    """H28, H30."""
    found = happened("direct")
    assert found["fewest"] >= 200
    assert (found["forbidden"], found["astray"]) == ({}, [])
    assert found["public"] == found["reasons"][""] > 0, (
        "what hides an address behind a public one goes to the public one"
    )
    assert found["reasons"]["forbidden"] > 3000


def test_no_redirect_leads_to_an_address_in_any_range() -> None:
    """H9, H32."""
    found = happened("redirected")
    assert (found["forbidden"], found["astray"]) == ({}, [])
    assert found["public"] > sum(found["reasons"].values()), "each redirect was asked for"
    assert found["reasons"]["forbidden"] > 200


def test_no_name_that_changes_its_mind_leads_to_an_address_in_any_range() -> None:
    """H30, H31."""
    found = happened("rebound")
    assert (found["forbidden"], found["astray"]) == ({}, [])
    assert found["reasons"][""] > 100, "where a public address comes first, or beside it, that one is contacted"
    assert found["reasons"]["forbidden"] > 100


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("scenario", ["direct", "redirected", "rebound"])
def test_none_of_all_the_spellings_and_ways_leads_to_an_address_in_any_range(scenario: str) -> None:
    """H28, H30-H32."""
    found = happened(scenario, thorough=True)
    assert (found["forbidden"], found["astray"]) == ({}, [])


def test_the_metadata_of_a_cloud_machine_is_out_of_reach_with_everything_else_allowed() -> None:
    """H29."""
    found = happened("metadata")
    assert (found["taken"], found["tried"]) == ([], [])
    assert found["allowed"] != "forbidden"
    assert found["reasons"]["forbidden"] > 300


def test_a_host_is_reached_by_the_family_of_addresses_that_works() -> None:
    """H27: the other family is tried as soon as an address of the first has failed, however many more there are."""
    found = happened("families")
    in_vain = found.pop("in vain")
    assert set(found.values()) == {""}
    assert in_vain["all v6 deaf"] == 1
    assert max(in_vain.values()) == 1


def test_look_ups_that_fail_are_told_apart_and_hold_nobody_up() -> None:
    """H26."""
    found = happened("look_ups")
    assert (found["unknown.test"], found["broken.test"], found["cut"]) == ("dns", "dns-failed", "timeout")
    assert (found["good"], found["still waiting"]) == ("", 40)


def test_a_host_keeps_its_name_though_its_address_is_dialled() -> None:
    """H31: in the header, in the handshake and in the check of the certificate."""
    found = happened("pinned")
    assert found["reasons"] == ["", "", "tls"]
    assert found["hosts"] == ["public.test"] * 2
    assert found["names"][0] == "public.test"


@pytest.mark.parametrize("network", RANGES)
def test_a_range_is_refused_from_its_first_address_to_its_last(network: str) -> None:
    """H28, H29."""
    whole, everything = ip_network(network), Policy(["0.0.0.0/0", "::/0"])
    for address in (whole[0], whole[-1]):
        assert not Policy().permits(str(address))
        assert everything.permits(str(address)) == (str(address) not in METADATA)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "223.255.255.255", "2001:200::", "2606:4700::1111", "3ffe::", "2003::"]
)  # fmt: skip
def test_what_lies_beside_a_range_is_permitted(address: str) -> None:
    assert Policy().permits(address)
