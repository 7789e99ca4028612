"""The index finds every storyline of which an entry has a term, however it is written, and no other, with the score that it has."""

from __future__ import annotations

import random

from benchmarks.speed.matching import KINDS, Stories, compared, made_up


def test_the_index_finds_what_a_look_at_each_pair_finds() -> None:
    """Phrases with slips, plurals, other endings, hyphens and in another order; with the very same scores."""
    entries = list(made_up(1_000, random.Random(2)))
    found = compared(Stories(entries), entries, 3_000, 200)
    for kind, counts in found.items():
        assert counts["there"] == counts["found"] == counts["right"], kind
    assert all(found[kind]["there"] > 100 for kind in KINDS)
    assert found["any other storyline"]["there"] < 500
