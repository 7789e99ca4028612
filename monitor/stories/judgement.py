"""Learned decisions: logistic models whose coefficients stand, readable, in words/decision.toml.

They are trained on labelled stories by benchmarks/quality/train.py and validated across stories, never on one alone.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources


def judge(question: str, features: Mapping[str, float]) -> float:
    """The probability (0..1) that a model of decision.toml gives for `features`; those it does not name count nothing."""
    model = models()[question]
    return 1 / (1 + math.exp(-(model["bias"] + sum(model.get(name, 0.0) * value for name, value in features.items()))))


@cache
def models() -> dict[str, dict[str, float]]:
    """Question -> its coefficients; `bias` is the intercept."""
    text = resources.files("monitor.stories").joinpath("words", "decision.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def log_odds(probability: float) -> float:
    """The log-odds of a probability, which tell it as exactly; those of certainty are the greatest there are."""
    if not 0 < probability < 1:
        return math.inf if probability else -math.inf
    return math.log(probability / (1 - probability))
