"""Simple ways to decide which of a story's entries to alert, as feed readers and scripts do it; for comparison.

Each takes the entries that belong to a story, in order of time, and returns the ids of those it would alert. That the entries
belong to the story is given to them: they do only the second half of the task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import numpy as np
from rapidfuzz import fuzz
from sklearn.feature_extraction.text import TfidfVectorizer

from monitor.model import Entry
from monitor.stories.form import form
from monitor.stories.text import fold_all

Baseline = Callable[[Sequence[Entry]], set[str]]
LOOK_BACK = timedelta(days=6)
CLUSTERED = timedelta(days=5)
ALIKE, NEAR, NEAR_IN_STORY = 55, 0.30, 0.25
SHARED_WORDS, OVERLAP = 3, 0.6


def every_match(entries: Sequence[Entry]) -> set[str]:
    """Alert all, as feed readers and keyword alerts do."""
    return {entry.id for entry in entries}


def title_similarity(entries: Sequence[Entry]) -> set[str]:
    """Alert titles that are less than ALIKE of 100 like every title of the last days (rapidfuzz's token_set_ratio)."""
    titles = [fold_all(entry.title) for entry in entries]
    return _unlike(
        entries, LOOK_BACK, lambda later, earlier: fuzz.token_set_ratio(titles[later], titles[earlier]) >= ALIKE
    )


def tfidf(entries: Sequence[Entry]) -> set[str]:
    """Alert what has a TF-IDF cosine below NEAR to everything of the last days; words weighed over titles and summaries."""
    table = TfidfVectorizer(sublinear_tf=True).fit_transform(f"{e.title} {e.summary}" for e in entries)
    cosines = (table @ table.T).toarray()
    return _unlike(entries, LOOK_BACK, lambda later, earlier: bool(cosines[later, earlier] >= NEAR))


def overlap_clusters(entries: Sequence[Entry]) -> set[str]:
    """Alert what shares fewer than three title words with, or less than 0.6 of the shorter title of, all of the last five days."""
    words = [{word for word in fold_all(entry.title).split() if len(word) > SHARED_WORDS} for entry in entries]

    def alike(later: int, earlier: int) -> bool:
        both = len(words[later] & words[earlier])
        return both >= SHARED_WORDS and both >= OVERLAP * min(len(words[later]), len(words[earlier]))

    return _unlike(entries, CLUSTERED, alike)


def local_tfidf_and_cues(entries: Sequence[Entry]) -> set[str]:
    """TF-IDF over titles within the story, and a list of cues that tell explainers and opinion."""
    table = TfidfVectorizer(sublinear_tf=True).fit_transform(fold_all(e.title) for e in entries)
    cosines = (table @ table.T).toarray()
    new = _unlike(entries, LOOK_BACK, lambda later, earlier: bool(cosines[later, earlier] >= NEAR_IN_STORY))
    return {entry.id for entry in entries if entry.id in new and form(entry) == "report"}


BASELINES: dict[str, Baseline] = {
    "every match alerts": every_match,
    "titles less than 55 % alike": title_similarity,
    "TF-IDF cosine below 0.30": tfidf,
    "word-overlap clustering": overlap_clusters,
    "story's TF-IDF and cues": local_tfidf_and_cues,
}


def _unlike(entries: Sequence[Entry], back: timedelta, alike: Callable[[int, int], bool]) -> set[str]:
    """The entries that are not alike to any earlier one within `back`."""
    since = np.array([entry.published.timestamp() for entry in entries])
    first = np.searchsorted(since, since - back.total_seconds())
    return {
        entry.id
        for later, entry in enumerate(entries)
        if not any(alike(later, earlier) for earlier in range(int(first[later]), later))
    }
