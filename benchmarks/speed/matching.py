"""How fast entries are matched, by how many storylines are followed, and whether the index finds all that a look at each pair finds.

An entry is a headline and the next 40 words of the recording of kim-putin (see MONITOR_SHARED), or made-up words by Zipf's law where it
is not there. A storyline has 20 phrases of one to three words that stand together in some entry: alone a word that fewer than one entry in
a thousand says, in longer phrases any words, one of which fewer than one in a hundred says. Four of five storylines ask for two groups of phrases, with witnesses and exclusions; the
fifth takes any of its twenty. Draws docs/speed-matching.png where matplotlib is installed.
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import random
import statistics
import string
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path

from benchmarks.speed.measure import machine
from benchmarks.speed.unindexed import Unindexed
from monitor.model import Entry, Storyline, Terms
from monitor.replay.recorded import entries as recorded
from monitor.stories.match import Matcher
from monitor.stories.text import read, read_entry

STORYLINES = (10, 100, 1_000, 10_000, 100_000)
PHRASES, WORDS, SEEN, TIMED = 20, 40, 10_000, 5_000
PAIRS, PAIRED_STORYLINES = 100_000, 1_000
RARE, USUAL = 1_000, 100
RECORDING = Path(os.environ.get("MONITOR_SHARED", "../shared")) / "data/kim-putin/stream.jsonl.gz"
SHOWN = Path(__file__).parents[2] / "docs/speed-matching.png"
_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_ENDINGS = ("ed", "ing", "a", "em", "owi", "en")


# --- the world


def stream() -> list[Entry]:
    """Entries in their order: a headline, and a summary of 40 words at most."""
    known = list(recorded([RECORDING])) if RECORDING.exists() else list(made_up(70_000, random.Random(1)))
    return [replace(entry, summary=" ".join(entry.summary.split()[:WORDS])) for entry in known]


def made_up(count: int, chance: random.Random) -> Iterator[Entry]:
    """Entries of words that nobody says, which are said as often as words are by Zipf's law."""
    letters = {length: list(string.ascii_lowercase) for length in range(3, 13)}
    words = [
        "".join(chance.choices(letters[length], k=length))
        for length in chance.choices(range(3, 13), k=max(2_000, 2 * count))
    ]
    weights = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))
    for number in range(count):
        drawn = chance.choices(words, cum_weights=weights, k=WORDS + 10)
        said = [word.title() if chance.random() < 0.2 else word for word in drawn]
        yield _entry(str(number), " ".join(said[:10]), " ".join(said[10:]))


def _entry(number: str, title: str, summary: str) -> Entry:
    return Entry(
        id=number, feed="", url="", title=title, summary=summary, published=_NOW, language="en", outlet="Herald"
    )


class Stories:
    """Storylines as users might follow them, about what the entries say."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._texts = [
            [word.surface for text in read_entry(entry) for word in text.words] or ["nothing"] for entry in entries
        ]
        said = Counter(word.casefold() for text in self._texts for word in {*text})
        self._common = {word for word, times in said.items() if times > len(entries) / RARE}
        self._usual = {word for word, times in said.items() if times > len(entries) / USUAL}

    def made(self, count: int, chance: random.Random) -> list[Storyline]:
        """So many storylines of 20 phrases."""
        return [self._storyline(number, chance) for number in range(count)]

    def _storyline(self, number: int, chance: random.Random) -> Storyline:
        about = chance.choice(self._texts)
        said = [self._phrase(about, chance) for _ in range(PHRASES - 2)]
        other = [self._phrase(chance.choice(self._texts), chance) for _ in range(2)]
        terms = Terms(any=(*said, *other))
        if number % 5:
            terms = Terms(all=(tuple(said[:5]), tuple(said[5:10])), any=tuple(said[10:]), none=tuple(other))
        return Storyline(id=f"s{number}", title="A story", terms=terms)

    def _phrase(self, text: Sequence[str], chance: random.Random) -> str:
        for _ in range(20):
            length = chance.choice((1, 2, 2, 3))
            at = chance.randrange(max(1, len(text) - length + 1))
            phrase = text[at : at + length]
            known = self._usual if length > 1 else self._common
            if any(len(word) > 3 and word.casefold() not in known for word in phrase):
                break
        return " ".join(phrase)


# --- speed


@dataclass(frozen=True, slots=True)
class Speed:
    """What matching costs with so many storylines; seconds of the processor."""

    storylines: int
    building: float
    memory: float
    """MB that this process grew by for the matcher with its index, after it has seen all entries."""
    first: float
    """For an entry of those that come first, when no word is remembered."""
    later: float
    """For an entry after SEEN others."""
    slowest: float
    """For the slowest hundredth of them."""
    hits: float
    """Storylines of which an entry has a term, on average."""
    matches: float


def alone(storylines: Sequence[Storyline], entries: Sequence[Entry]) -> Speed:
    """What `timed` tells in a process of its own, as a daemon is: between what others have left in the memory, it lies scattered."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(timed, storylines, entries[: SEEN + TIMED]).result()


def timed(storylines: Sequence[Storyline], entries: Sequence[Entry]) -> Speed:
    """Match SEEN entries, then TIMED others, with a new matcher."""
    Matcher(storylines[:1]).match(entries[0])  # loads what any matcher needs
    gc.collect()
    gc.freeze()  # the entries, which nobody but a benchmark has in memory, would be looked through for garbage now and then
    memory, begin = _resident(), time.process_time()
    matcher = Matcher(storylines)
    building = time.process_time() - begin
    begin = time.process_time()
    for entry in entries[:SEEN]:
        matcher.match(entry)
    first = (time.process_time() - begin) / SEEN
    took, matches = [], 0
    for entry in entries[SEEN : SEEN + TIMED]:
        begin = time.process_time()
        found = matcher.match(entry)
        took.append(time.process_time() - begin)
        matches += len(found)
    gc.collect()
    memory = _resident() - memory
    hits = statistics.mean(len(matcher.scores(entry)) for entry in entries[SEEN : SEEN + TIMED : 100])
    slowest = statistics.quantiles(took, n=100)[98]
    return Speed(
        len(storylines), building, memory, first, statistics.mean(took), slowest, hits, matches / TIMED
    )  # fmt: skip


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def exponent(speeds: Sequence[Speed]) -> float:
    """How time grows with storylines: the slope of the line through both logarithms, by least squares."""
    fit = statistics.linear_regression(
        [math.log(speed.storylines) for speed in speeds], [math.log(speed.later) for speed in speeds]
    )
    return fit.slope


# --- what is found


def disguised(phrase: str, kind: str, chance: random.Random) -> str:
    """`phrase` as another writes it."""
    words = [word.surface for word in read(phrase).words]
    at = max(range(len(words)), key=lambda number: len(words[number]))
    word = words[at]
    if kind == "typo":
        place = chance.randrange(1, max(2, len(word) - 1))
        other = chance.choice(string.ascii_lowercase)
        words[at] = chance.choice(
            (
                word[:place] + word[place + 1 :],
                word[:place] + other + word[place:],
                word[:place] + other + word[place + 1 :],
                word[:place] + word[place : place + 2][::-1] + word[place + 2 :],
            )
        )
    elif kind == "plural":
        words[at] = word + "s"
    elif kind == "inflection":
        words[at] = word.rstrip("aeiouy") + chance.choice(_ENDINGS)
    elif kind == "order":
        chance.shuffle(words)
    return ("-" if kind == "hyphens" else " ").join(words)


KINDS = ("as it is", "typo", "plural", "inflection", "hyphens", "order")


def compared(stories: Stories, entries: Sequence[Entry], pairs: int, followed: int) -> dict[str, Counter[str]]:
    """Kind of pair -> how many of an entry and a storyline were looked at, how many belong together, and how many the index found.

    Each entry says a phrase of one storyline in disguise, and is held against that storyline and another one.
    """
    chance = random.Random(5)
    storylines = stories.made(followed, chance)
    matcher, unindexed = Matcher(storylines), Unindexed(storylines)
    lenient = matcher.heeding([replace(storyline, threshold=0.0) for storyline in storylines])
    found: dict[str, Counter[str]] = {kind: Counter() for kind in (*KINDS, "any other storyline")}
    for number in range(pairs // 2):
        kind = KINDS[number % len(KINDS)]
        meant, other = chance.sample(storylines, 2)
        phrases = [*(term for group in meant.terms.all for term in group), *meant.terms.any]
        entry = _saying(disguised(chance.choice(phrases), kind, chance), chance.choice(entries), number, chance)
        index = {match.storyline: match.score for match in lenient.match(entry)}
        reached = {match.storyline for match in matcher.match(entry)}
        for storyline, row in ((meant, kind), (other, "any other storyline")):
            score = unindexed.score(entry, storyline)
            found[row]["pairs"] += 1
            found[row]["there"] += score is not None
            found[row]["found"] += storyline.id in index
            right = index.get(storyline.id) == score and (storyline.id in reached) == (
                (score or 0.0) >= storyline.threshold
            )
            found[row]["right"] += score is not None and right
    return found


def told_of_pairs(found: dict[str, Counter[str]]) -> None:
    print(f"\n{'a phrase':22}{'pairs':>10}{'without':>10}{'by index':>10}{'recall':>10}{'precision':>11}")
    total = sum(found.values(), Counter())
    for kind, counts in (*found.items(), ("all", total)):
        there, told, right = counts["there"], counts["found"], counts["right"]
        print(
            f"{kind:22}{counts['pairs']:>10,}{there:>10,}{told:>10,}{right / max(1, there):>10.2%}{right / max(1, told):>11.2%}"
        )


def _saying(phrase: str, entry: Entry, number: int, chance: random.Random) -> Entry:
    words = entry.summary.split()
    words.insert(chance.randrange(len(words) + 1), phrase)
    return _entry(f"p{number}", entry.title, " ".join(words))


# --- what is shown


def told(speeds: Sequence[Speed]) -> None:
    print(
        f"\n{'storylines':>10}{'phrases':>11}{'entries/s':>11}{'µs':>8}{'p99 µs':>8}{'at first':>10}{'index s':>9}{'MB':>7}{'with a term':>13}{'matches':>9}"
    )
    for speed in speeds:
        print(
            f"{speed.storylines:>10,}{speed.storylines * PHRASES:>11,}{1 / speed.later:>11,.0f}{1e6 * speed.later:>8.0f}"
            f"{1e6 * speed.slowest:>8.0f}{1 / speed.first:>8,.0f}/s{speed.building:>9.2f}{speed.memory:>7.0f}{speed.hits:>13.1f}{speed.matches:>9.2f}"
        )
    print(f"time per entry grows with storylines to the power of {exponent(speeds):.2f}")


def drawn(speeds: Sequence[Speed], path: Path) -> None:
    try:
        from matplotlib import pyplot as plt  # noqa: PLC0415 - the figures are wanted without it, too
    except ImportError:
        print("\nNothing is drawn: matplotlib is not installed (pip install .[bench]).")
        return
    figure, axis = plt.subplots(figsize=(7, 4.5))
    sizes, microseconds = [speed.storylines for speed in speeds], [1e6 * speed.later for speed in speeds]
    axis.loglog(sizes, microseconds, marker="o", label=f"measured: to the power of {exponent(speeds):.2f}")
    linear = [microseconds[0] * size / sizes[0] for size in sizes]
    axis.loglog(sizes, linear, linestyle=":", color="grey", label="as if each were looked at")
    axis.set(xlabel="storylines of 20 phrases", ylabel="CPU microseconds an entry")
    axis.grid(visible=True, alpha=0.3)
    axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _loop() -> float:
    begin, total = time.process_time(), 0
    for number in range(20_000_000):
        total += number
    return time.process_time() - begin


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=STORYLINES[-1], help="the most storylines to measure with")
    parser.add_argument("--draw", type=Path, default=SHOWN)
    asked = parser.parse_args(arguments)
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}; one core, CPU time; 20 million additions take {_loop():.1f} s")
    entries = stream()
    stories = Stories(entries)
    speeds = [alone(stories.made(count, random.Random(count)), entries) for count in STORYLINES if count <= asked.most]
    told(speeds)
    drawn(speeds, asked.draw)
    told_of_pairs(compared(stories, entries, PAIRS, PAIRED_STORYLINES))


if __name__ == "__main__":
    main()
