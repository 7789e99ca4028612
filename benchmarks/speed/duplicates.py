"""Near-duplicates of a headline among 100,000 recent ones: `python -m benchmarks.speed.duplicates [--headlines N]`.

The headlines are those of the recordings and of the rewrites (see MONITOR_SHARED), in the storage that placing looks older reports up in, on
one storyline. Looked up are some of them in disguise (words in another order, left out, added, with a slip), and headlines as outlets
rewrote them. The exhaustive answer compares the letters of the sorted words with each (rapidfuzz); what it holds for a near-duplicate
should be found, as like as the likest.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path

from rapidfuzz import fuzz, process

from benchmarks.speed.measure import machine
from monitor.model import Entry
from monitor.replay.recorded import entries
from monitor.stories.facts import facts
from monitor.stories.place import NEAR
from monitor.stories.report import Report
from monitor.stories.shelf import Shelf, Shelved

HEADLINES, LOOKED_UP = 100_000, 300
ALIKE = 80
"""Headlines whose sorted words are this much alike, of 100, are near-duplicates to the exhaustive answer."""
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SHARED = Path(os.environ.get("MONITOR_SHARED", "../shared")) / "data"
_REWRITES = (
    ("headline_edits_2023-07_10.jsonl.gz", "versions"),
    ("syndicated_same_lead_diff_title_2023-07_10.jsonl.gz", "items"),
)


def recorded() -> Iterator[Entry]:
    """Each title of the recordings once."""
    known: set[str] = set()
    for entry in entries([SHARED / name / "stream.jsonl.gz" for name in ("kim-putin", "titan")]):
        if entry.title not in known:
            known.add(entry.title)
            yield entry


def rewritten() -> Iterator[tuple[Entry, Entry]]:
    """A headline and another outlet's, or a later one, for the same text."""
    for name, key in _REWRITES:
        with gzip.open(SHARED / "rewrites" / name, "rt", encoding="utf-8") as lines:
            for group in map(json.loads, lines):
                first, second = (_entry(one["id"], one["title"], group["lang"]) for one in group[key][:2])
                yield first, second


def _entry(identifier: str, title: str, language: str) -> Entry:
    return Entry(
        id=identifier, feed="", url="", title=title, summary="", published=NOW, language=language, outlet=""
    )  # fmt: skip


def disguised(title: str, lots: random.Random) -> str:
    """A headline with one or two small changes, as they come from outlet to outlet."""
    for _ in range(lots.choice((1, 1, 2))):
        words = title.split()
        at, change = lots.randrange(len(words)), lots.randrange(5)
        if change == 0:
            words.append(words.pop(at))
        elif change == 1 and len(words) > 4:
            del words[at]
        elif change == 2:
            words.insert(at, lots.choice(("now", "reportedly", "again", "LIVE:", "Watch:")))
        elif change == 3:
            letter = lots.randrange(len(words[at]))
            words[at] = words[at][:letter] + words[at][letter + 1 :]
        else:
            words.append(lots.choice(("- BBC News", "| Reuters", "(video)")))
        title = " ".join(filter(None, words))
    return title


def as_report(entry: Entry) -> Report:
    """A headline as a report, all words of one weight."""
    read = facts(entry)
    return Report.of(entry, ("all",), read, dict.fromkeys(read.told, 1.0))


def shelved(told: Iterable[Entry]) -> Shelf:
    """The headlines, a second from each to the next."""
    shelf = Shelf()
    for number, entry in enumerate(told, 1):
        shelf.add(Shelved.of(as_report(replace(entry, published=NOW + timedelta(seconds=number))), number))
    return shelf


def weight(shelf: Shelf) -> int:
    """Bytes of the index by which near-duplicates are found; placing has it anyway."""
    lists = [posting for _, postings in shelf.postings() for posting in postings.values()]
    columns = sum(
        sys.getsizeof(column) for posting in lists for column in (posting.numbers, posting.shares, posting.titles)
    )
    return columns + sum(sys.getsizeof(postings) for _, postings in shelf.postings())


def measured(name: str, shelf: Shelf, wanted: Sequence[Report]) -> None:
    """Print what it takes to look these up, and how much of the exhaustive answer is found."""
    titles = [known.ordered for known in shelf.reports]
    end = shelf.reports[-1]
    before = end._replace(moment=end.moment + 1)
    took, each, found, known = [], [], 0, 0
    for report in wanted:
        begun = time.process_time()
        near = shelf.near(report, before, 0.0, NEAR)
        took.append(1000 * (time.process_time() - begun))
        begun = time.process_time()
        likest = process.extractOne(report.ordered, titles, scorer=fuzz.ratio, score_cutoff=ALIKE)
        each.append(1000 * (time.process_time() - begun))
        if likest:
            known += 1
            found += max((fuzz.ratio(report.ordered, one.ordered) for one in near), default=0) >= likest[1]
    print(
        f"{name:22} median {statistics.median(took):.2f} ms, p99 {statistics.quantiles(took, n=100)[98]:.2f} ms; compared with each "
        f"{statistics.median(each):.1f} ms; of {len(wanted)} looked up {known} have near-duplicates, found {found / max(known, 1):.1%}"
    )


def main() -> None:
    """Measure, and print."""
    arguments = argparse.ArgumentParser(prog="benchmarks.speed.duplicates")
    arguments.add_argument("--headlines", type=int, default=HEADLINES)
    asked, lots, pairs = arguments.parse_args(), random.Random(1), list(rewritten())
    told = list(islice(chain((first for first, _ in pairs), recorded()), asked.headlines))
    while len(told) < asked.headlines:
        told += [replace(entry, title=disguised(entry.title, lots)) for entry in told[: asked.headlines - len(told)]]
    lots.shuffle(told)
    shelf = shelved(told)
    print(
        f"{machine()}; load {os.getloadavg()[0]:.1f}; {len(told):,} headlines, index {weight(shelf) / 2**20:.0f} MB, CPU time"
    )
    some = lots.sample([entry for entry in told if entry.title.strip()], LOOKED_UP)
    measured("in disguise", shelf, [as_report(replace(one, title=disguised(one.title, lots))) for one in some])
    measured("as outlets rewrite", shelf, [as_report(second) for _, second in lots.sample(pairs, LOOKED_UP)])


if __name__ == "__main__":
    main()
