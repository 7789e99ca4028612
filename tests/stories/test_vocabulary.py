"""The index proposes every word of the terms that `likeness` accepts, and no other."""

from __future__ import annotations

import random
import string

from monitor.stories.text import Word, fold
from monitor.stories.vocabulary import SAME, Vocabulary, likeness

OURS = [
    "Crimea", "Putin", "Kim", "un", "UN", "Titan", "Vladivostok", "weapons", "deal", "evacuation", "Orla", "Siedlce", "artillery", "negotiate", "run",
    "cities", "submersible", "Wagner", "Поезд", "поезд", "2024", "7", "a", "ferry", "ferries", "train", "trained", "nuclear", "Pjongjang",
]  # fmt: skip
ENDINGS = ["", "s", "es", "a", "u", "owi", "em", "ing", "ed", "n", "an", "ian", "'s", "y", "i", "ów", "ę", "x"]


def variants(word: str, chance: random.Random) -> list[str]:
    """The word with endings, cut short, and with a slip of the keyboard."""
    place = chance.randrange(len(word))
    other = chance.choice(string.ascii_lowercase)
    swapped = word[:place] + word[place : place + 2][::-1] + word[place + 2 :]
    slips = [
        word[:place] + word[place + 1 :],
        word[:place] + other + word[place:],
        word[:place] + other + word[place + 1 :],
        swapped,
    ]
    return [
        made
        for made in [*(word + ending for ending in ENDINGS), word[:-1] + chance.choice("aeiouy"), word[:-2], *slips]
        if made
    ]


def test_half_a_million_pairs_are_judged_as_if_each_were_looked_at() -> None:
    """What an index does not propose is never found. Names and common words, in random mixtures."""
    chance = random.Random(7)
    made = ["".join(chance.choice("aeiknorst") for _ in range(chance.randrange(3, 13))) for _ in range(160)]
    written = [Word(fold(word), word) for word in OURS + [w.title() if chance.random() < 0.4 else w for w in made]]
    vocabulary = Vocabulary(written)
    common = {word.folded for word in written if not word.surface[0].isupper()}
    ours = sorted({word.folded for word in written})
    stream = sorted({fold(word) for folded in ours for word in variants(folded, chance)})
    pairs = found = 0
    for word in stream:
        alike = {
            our: like for our in ours if our[0] == word[0] and (like := likeness(word, our, name=our not in common))
        }
        assert {standing.ours: standing.quality for standing in vocabulary[word]} == alike, word
        assert {standing.ours for standing in vocabulary[word] if standing.name} == {
            our for our, like in alike.items() if our not in common and like != SAME
        }
        pairs += len(ours)
        found += len(alike)
    assert pairs > 500_000
    assert found > 3_000


def test_what_was_looked_up_is_remembered_within_bounds() -> None:
    vocabulary = Vocabulary([Word("ferry", "ferry")])
    assert vocabulary["ferries"] is vocabulary["ferries"]
    assert [standing.ours for standing in vocabulary["ferries"]] == ["ferry"]
    assert vocabulary["boat"] == ()
    for number in range(200_100):
        vocabulary[f"w{number}"]
    assert len(vocabulary) <= 200_000
    assert [standing.ours for standing in vocabulary["ferries"]] == ["ferry"]
