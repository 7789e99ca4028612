"""No word within the slips that are allowed is missed, and few others are proposed."""

from __future__ import annotations

import random

import pytest
from rapidfuzz.distance import OSA

from monitor.stories.slips import Slips, allowed


def slipped(word: str, chance: random.Random) -> str:
    """`word` with a letter left out, put in, or taken for another, or with two that changed places."""
    place = chance.randrange(1, len(word))
    other = chance.choice("abc")
    return chance.choice(
        (
            word[:place] + word[place + 1 :],
            word[:place] + other + word[place:],
            word[:place] + other + word[place + 1 :],
            word[:place] + word[place : place + 2][::-1] + word[place + 2 :],
        )
    )


@pytest.mark.parametrize("length", range(5, 16))
def test_every_word_that_a_word_may_be_meant_for_is_found(length: int) -> None:
    """Words of three letters, which are as much alike as can be, each with up to two slips."""
    chance = random.Random(length)
    words = sorted({"".join(chance.choices("abc", k=chance.randrange(length - 1, length + 2))) for _ in range(600)})
    slips = Slips()
    for word in words:
        slips.add(word)
    found = 0
    for word in words:
        said = slipped(slipped(word, chance), chance) if chance.random() < 0.7 else slipped(word, chance)
        meant = {
            ours
            for ours in words
            if ours[0] == said[0] and OSA.distance(said, ours) <= allowed(min(len(said), len(ours)))
        }
        meant = {ours for ours in meant if allowed(min(len(said), len(ours)))}
        near = set(slips.near(said))
        assert meant <= near, said
        assert all(OSA.distance(said, ours) <= allowed(len(said)) for ours in near)
        found += len(meant)
    assert found > 100 or length < 7


def test_words_added_later_are_found_too() -> None:
    slips = Slips()
    slips.add("ferries")
    assert set(slips.near("feries")) == {"ferries"}
    slips.add("terminal")
    assert set(slips.near("termnial")) == {"terminal"}
