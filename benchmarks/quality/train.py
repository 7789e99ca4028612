"""Train the two learned decisions on the labelled stories, cross-validated by story, and write words/decision.toml.

    python -m benchmarks.quality.train            # prints the validation
    python -m benchmarks.quality.train --write    # and writes the coefficients

Needs `pip install .[bench]` and the labelled data (MONITOR_SHARED).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

from benchmarks.quality.labelled import ROOT, Story, stories
from monitor.replay.score import COVERAGE, DOUBTFUL, UNRELATED, is_key
from monitor.stories.form import form_features
from monitor.stories.ledger import Ledger, Report
from monitor.stories.place import WINDOW, pair_features

TARGET = ROOT / "monitor/stories/words/decision.toml"
STRENGTH = {"event": 0.3, "same": 1.0}
"""Inverse strength of the L2 penalty, on standardised features."""
HEAD = """\
# Coefficients of the learned decisions: a logistic model each, over the features that form.py and place.py name.
# Made by benchmarks/quality/train.py from two labelled stories; do not edit by hand.
"""

Examples = list[tuple[dict[str, float], bool]]
Model = dict[str, float]


def reports(story: Story) -> list[tuple[Report, str]]:
    """Every entry that matches, as the ledger weighs it at its time, with its label."""
    ledger, found = Ledger(), []
    for entry in story.entries:
        report = ledger.read(entry, story.rules.matcher.match(entry))
        if report is not None:
            found.append((report, story.labels.get(entry.id, UNRELATED)))
    return found


def examples(labelled: Sequence[tuple[Report, str]]) -> dict[str, Examples]:
    """For `event`: does the entry report a development? For `same`: do two reports share one?"""
    events = [(form_features(report.entry), is_key(label)) for report, label in labelled if label != DOUBTFUL]
    told = [(report, label) for report, label in labelled if label not in (COVERAGE, DOUBTFUL, UNRELATED)]
    pairs = [
        (pair_features(later, earlier), ours == theirs)
        for number, (later, ours) in enumerate(told)
        for earlier, theirs in told[:number]
        if later.entry.published - earlier.entry.published <= WINDOW
    ]
    return {"event": events, "same": pairs}


def fit(made: Examples, strength: float) -> Model:
    """Logistic regression on standardised features, its coefficients given for the features as they are."""
    names = list(made[0][0])
    table = np.array([[features[name] for name in names] for features, _ in made])
    scaler = StandardScaler().fit(table)
    fitted = LogisticRegression(C=strength, max_iter=5_000).fit(scaler.transform(table), [yes for _, yes in made])
    weights = fitted.coef_[0] / np.where(scaler.scale_ == 0, 1, scaler.scale_)
    return {
        "bias": float(fitted.intercept_[0] - weights @ scaler.mean_),
        **dict(zip(names, map(float, weights), strict=True)),
    }


def likelihoods(model: Model, made: Examples) -> list[float]:
    """What `model` says of each example."""
    logits = [model["bias"] + sum(model[name] * value for name, value in features.items()) for features, _ in made]
    return [float(1 / (1 + np.exp(-logit))) for logit in logits]


def toml(models: Mapping[str, Model]) -> str:
    """The coefficients as a file that people can read."""
    parts = [
        f"\n[{name}]\n" + "".join(f"{feature} = {value:.3f}\n" for feature, value in model.items())
        for name, model in models.items()
    ]
    return HEAD + "".join(parts)


def main() -> None:
    """Validate each decision on the story it was not trained on; then train on all."""
    made = {story.name: examples(reports(story)) for story in stories()}
    for question, strength in STRENGTH.items():
        for held_out in made:
            rest = [example for name, questions in made.items() if name != held_out for example in questions[question]]
            test = made[held_out][question]
            said, truth = likelihoods(fit(rest, strength), test), [yes for _, yes in test]
            print(
                f"{question:6} on {held_out:10} AUC {roc_auc_score(truth, said):.3f}  average precision {average_precision_score(truth, said):.3f}"
            )
    if "--write" in sys.argv:
        models = {
            q: fit([example for questions in made.values() for example in questions[q]], c) for q, c in STRENGTH.items()
        }
        Path(TARGET).write_text(toml(models), encoding="utf-8")
        print(f"{TARGET} is written.")


if __name__ == "__main__":
    main()
