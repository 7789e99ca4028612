"""Train the two learned decisions on the labelled stories, validated on stories left out, and write them into words/.

    python -m benchmarks.quality.train            # validates: every story judged by models that never saw it
    python -m benchmarks.quality.train --write    # trains on all and writes the weights
    python -m benchmarks.quality.train --same     # trains and writes those of `same` alone, in minutes

`event` (does an entry report an event?) weighs the signs of headline.py: words/event.tsv. `same` (do two reports tell one fact?) weighs
the features of pair.py: words/decision.toml. Needs `pip install .[bench]` and the labelled data (MONITOR_SHARED).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import mean
from unittest import mock

import numpy as np
from scipy.sparse import csr_matrix, vstack
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

from benchmarks.quality.labelled import GIVEN, HERE, ROOT, Story, recorded, replayed, stories
from benchmarks.quality.teacher import Teacher
from monitor.model import Entry
from monitor.replay.score import COVERAGE, DOUBTFUL, UNRELATED, is_key
from monitor.stories import headline, judgement
from monitor.stories.facts import facts
from monitor.stories.form import form_features
from monitor.stories.ledger import Ledger
from monitor.stories.pair import pair_features
from monitor.stories.place import WINDOW
from monitor.stories.report import Report
from monitor.stories.text import language, read_entry, stem

WORDS = ROOT / "monitor/stories/words"
LANGUAGES = ("en", "pl")
"""Those of the judged headlines."""
EVENT_STRENGTH, SAME_STRENGTH = 0.5, 0.3
"""Inverse strength of the L2 penalties."""
CAREFUL = 4.0
"""What a story counts whose labels came with its recording; one reader labelled the others."""
OFTEN = 5
"""Entries that must show a sign before it is learned."""
SIGNS = 20_000
"""How many signs are kept."""
NAME, SEEN = 0.6, 3
"""A stem that is capitalised in this share of at least so many places is a name."""
FOLDS = 7
COMPARED = 400
"""Earlier reports that each report is paired with at the most."""
EVENT_HEAD = """\
# How much each sign of an entry speaks for an event (above 0) or for another form (below 0); see headline.py for what the keys mean.
# Made by benchmarks/quality/train.py from judged headlines; names are left out. Do not edit by hand.
"""
SAME_HEAD = """\
# Coefficients of the learned decision whether two reports tell one fact: a logistic model over the features that pair.py names.
# Made by benchmarks/quality/train.py from labelled stories; do not edit by hand.
"""

Pairs = list[tuple[dict[str, float], bool]]
Model = dict[str, float]


@dataclass(frozen=True)
class Told:
    """What the stories teach: each one's matched entries as the ledger weighs them at their time, with their labels."""

    reports: Mapping[str, Sequence[tuple[Report, str]]]

    def judged(self, names: Iterable[str]) -> dict[str, bool]:
        """Entry id -> whether it reports a development, for those of which a person was sure."""
        return {
            report.entry.id: is_key(label)
            for name in names
            for report, label in self.reports[name]
            if label != DOUBTFUL
        }

    def pairs(self, name: str) -> Pairs:
        """The pairs of a story's reports, and whether they share a development."""
        told = [(r, label) for r, label in self.reports[name] if label not in (COVERAGE, DOUBTFUL, UNRELATED)]
        return [
            (pair_features(later, earlier), ours == theirs)
            for number, (later, ours) in enumerate(told)
            for earlier, theirs in told[max(0, number - COMPARED) : number]
            if later.entry.published - earlier.entry.published <= WINDOW
        ]


def read_stories(known: Sequence[Story]) -> Told:
    """Every entry that matches a story, weighed by what was known at its time."""
    found: dict[str, list[tuple[Report, str]]] = {story.name: [] for story in known}
    for name in dict.fromkeys(story.recording for story in known):
        here = [(story, Ledger(story.rules.matcher.storylines)) for story in known if story.recording == name]
        for entry in recorded(name):
            read = facts(entry)
            for story, ledger in here:
                matches = story.rules.matches(entry, story.rules.scored(entry, read, ledger))
                if report := ledger.note_entry(entry, read, matches):
                    found[story.name].append((report, story.labels.get(entry.id, UNRELATED)))
    return Told(found)


class Signs:
    """Every entry of the recordings in the languages of the judged headlines, as a table of its signs; those of names are left out."""

    def __init__(self) -> None:
        self.entries = {e.id: e for name in ("kim-putin", "titan") for e in recorded(name) if language(e) in LANGUAGES}
        self._rows = {identifier: row for row, identifier in enumerate(self.entries)}
        vectorizer = DictVectorizer(dtype=np.float32)
        table = vectorizer.fit_transform(headline.signs(e, form_features(e)) for e in self.entries.values()).tocsr()
        names = _names(self.entries.values())
        times = np.asarray((table > 0).sum(axis=0)).ravel()
        kept = [
            n
            for n, sign in enumerate(vectorizer.feature_names_)
            if times[n] >= OFTEN and not _speaks_of_a_name(sign, names)
        ]
        self.signs = [vectorizer.feature_names_[n] for n in kept]
        self._table = table[:, kept]

    def of(self, identifiers: Iterable[str]) -> csr_matrix:
        """The rows of these entries."""
        return self._table[[self._rows[identifier] for identifier in identifiers]]


def _names(entries: Iterable[Entry]) -> frozenset[str]:
    """The stems that texts write with a capital."""
    written: Counter[str] = Counter()
    capitalised: Counter[str] = Counter()
    for entry in entries:
        _, summary = read_entry(entry)
        for word in summary.words[1:]:
            key = stem(word.folded, language(entry))
            written[key] += 1
            capitalised[key] += word.surface[0].isupper()
    return frozenset(key for key, times in written.items() if times >= SEEN and capitalised[key] > NAME * times)


def _speaks_of_a_name(sign: str, names: frozenset[str]) -> bool:
    return sign[:2] in ("t:", "s:") and any(word in names for word in sign[2:].split())


def judged_headlines(known: Mapping[str, Entry]) -> dict[str, bool]:
    """Entry id -> whether a person said that the headline reports an event."""
    lines = (line.split("\t") for line in (HERE / "headlines.tsv").read_text(encoding="utf-8").splitlines())
    return {identifier: label == "E" for identifier, label in lines if identifier in known}


def fit_event(signs: Signs, teacher: Teacher, judged: dict[str, bool], hidden: frozenset[str] = frozenset()) -> Model:
    """Word weights learned from the judged entries, and from the teacher's guesses on all but the `hidden` ones."""
    others = [identifier for identifier in signs.entries if identifier not in hidden]
    guesses = teacher.guesses(judged, others)
    rows = [identifier for identifier in judged if identifier in signs.entries]
    table = vstack([signs.of(others), signs.of(others), signs.of(rows)])
    truth = [*(True for _ in others), *(False for _ in others), *(judged[row] for row in rows)]
    fitted = LogisticRegression(C=EVENT_STRENGTH, max_iter=200).fit(
        table, truth, sample_weight=np.concatenate([guesses, 1 - guesses, np.ones(len(rows))])
    )
    weights = dict(zip(signs.signs, map(float, fitted.coef_[0]), strict=True))
    kept = sorted(weights, key=lambda sign: -abs(weights[sign]))[:SIGNS]
    return {"bias": float(fitted.intercept_[0])} | {sign: round(weights[sign], 2) for sign in sorted(kept)}


def fit_same(known: Mapping[str, Pairs]) -> Model:
    """Logistic regression on standardised features, its coefficients given for the features as they are.

    A story of many reports has very many pairs: each story weighs by the square root of their number, and by how carefully it
    was labelled.
    """
    made = [pair for pairs in known.values() for pair in pairs]
    weights = np.concatenate(
        [
            np.full(len(pairs), len(pairs) ** -0.5 * (CAREFUL if name in GIVEN else 1.0))
            for name, pairs in known.items()
            if pairs
        ]
    )
    names = list(made[0][0])
    table = np.array([[features[name] for name in names] for features, _ in made])
    scaler = StandardScaler().fit(table)
    fitted = LogisticRegression(C=SAME_STRENGTH, max_iter=5_000).fit(
        scaler.transform(table), [yes for _, yes in made], sample_weight=weights / weights.mean()
    )
    coefficients = fitted.coef_[0] / np.where(scaler.scale_ == 0, 1, scaler.scale_)
    bias = float(fitted.intercept_[0] - coefficients @ scaler.mean_)
    return {"bias": bias, **dict(zip(names, map(float, coefficients), strict=True))}


@contextmanager
def deciding_by(event: Model, same: Model) -> Iterator[None]:
    """Have the program decide by these models instead of those it ships."""
    with (
        mock.patch.object(headline, "event_weights", return_value=event),
        mock.patch.object(judgement, "models", return_value={"same": same}),
    ):
        yield


def validate(known: Sequence[Story], told: Told, signs: Signs, teacher: Teacher) -> None:
    """Print how well stories are decided by models that never saw them."""
    headlines = judged_headlines(signs.entries)
    pairs = {story.name: told.pairs(story.name) for story in known}
    order = np.random.RandomState(0).permutation(len(known))
    alert_f1s = []
    for fold in range(FOLDS):
        held_out = [known[n] for n in order[fold::FOLDS]]
        names = {story.name for story in held_out}
        rest = [story.name for story in known if story.name not in names]
        hidden = frozenset(report.entry.id for name in names for report, _ in told.reports[name])
        event = fit_event(signs, teacher, headlines | told.judged(rest), hidden)
        same = fit_same({name: pairs[name] for name in rest})
        with deciding_by(event, same):
            outcomes = replayed(held_out)
        for story in held_out:
            scores = outcomes[story.name].scores(story.labels)
            alert_f1s.append(scores.alert_f1)
            print(
                f"{story.name:12} event AUC {_auc(event, told.reports[story.name])}  same AP {_precision(same, pairs[story.name])}  "
                f"on-story F1 {scores.on_story_f1:.3f}  alert F1 {scores.alert_f1:.3f} ({scores.hits} of {scores.developments}, "
                f"{scores.redundant} redundant, {scores.noise} noise)  pair F1 {scores.pair_f1:.3f}",
                flush=True,
            )
    print(f"mean alert F1 {mean(alert_f1s):.3f} over {len(alert_f1s)} stories")


def _auc(event: Model, reports: Sequence[tuple[Report, str]]) -> str:
    sure = [(report.entry, is_key(label)) for report, label in reports if label != DOUBTFUL]
    if len({yes for _, yes in sure}) < 2:
        return "-    "
    with mock.patch.object(headline, "event_weights", return_value=event):
        said = [headline.likelihood(headline.signs(entry, form_features(entry))) for entry, _ in sure]
    return f"{roc_auc_score([yes for _, yes in sure], said):.3f}"


def _precision(same: Model, pairs: Pairs) -> str:
    said = [same["bias"] + sum(same[name] * value for name, value in features.items()) for features, _ in pairs]
    return f"{average_precision_score([yes for _, yes in pairs], said):.3f}"


def write_event(event: Model) -> None:
    """Put the weights of `event` where the program reads them."""
    lines = "".join(f"{weight:g}\t{sign}\n" for sign, weight in event.items())
    (WORDS / "event.tsv").write_text(EVENT_HEAD + lines, encoding="utf-8")


def write_same(same: Model) -> None:
    """Put the coefficients of `same` where the program reads them."""
    coefficients = "".join(f"{feature} = {value:.3f}\n" for feature, value in same.items())
    (WORDS / "decision.toml").write_text(f"{SAME_HEAD}\n[same]\n{coefficients}", encoding="utf-8")


def main() -> None:
    """Validate, or train on all and write."""
    known = stories()
    told = read_stories(known)
    names = [story.name for story in known]
    if "--same" not in sys.argv:
        signs = Signs()
        teacher = Teacher(signs.entries)
        if "--write" not in sys.argv:
            validate(known, told, signs, teacher)
            return
        write_event(fit_event(signs, teacher, judged_headlines(signs.entries) | told.judged(names)))
    write_same(fit_same({name: told.pairs(name) for name in names}))
    print(f"The weights are written into {WORDS}.")


if __name__ == "__main__":
    main()
