"""The sections `storylines` and `entities`: what is followed, and whether anything could ever match it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path as File
from typing import Any

from rapidfuzz import fuzz, process

from monitor.config import channels, files, rules
from monitor.config.defaults import Defaults
from monitor.config.reading import SIZE_CAP, WRONG, Path, Plain, shown
from monitor.config.shape import fill, nearest, read_as
from monitor.model import Storyline, Terms
from monitor.stories.match import ceiling
from monitor.stories.text import fold_all

_TYPO = 88
"""From this likeness on, of 100, a term that is no entity's name was probably meant to be it."""
Entities = Mapping[str, tuple[str, ...]]


def read(plain: Plain, defaults: Defaults, known_channels: Collection[str], folder: File) -> tuple[Storyline, ...]:
    """The storylines that are right, with what they share filled in."""
    shared = _entities(plain)
    lines = plain.data.get("storylines")
    if not isinstance(lines, tuple) or not lines:
        said = "There is nothing to follow; describe at least one storyline under `storylines:`, each after a dash."
        plain.problem(("storylines",), said)
        return ()
    ids: set[str] = set()
    found = []
    for number, line in enumerate(lines):
        path: Path = ("storylines", number)
        storyline = _storyline(plain, line, path)
        if isinstance(line, dict):
            _check_id_is_new(plain, line.get("id"), ids, path)
            if "channels" in line:
                channels.check_named(plain, line["channels"], known_channels, (*path, "channels"))
            _check_routes(plain, line.get("routes"), known_channels, (*path, "routes"))
            seed = _seed(plain, line.get("seed"), folder, (*path, "seed"))
        if storyline is not None:
            whole = _completed(storyline, line, shared, defaults)
            _check_reach(plain, whole, path)
            _check_urgent(plain, whole, path)
            _warn_of_typos(plain, whole, path)
            found.append(replace(whole, seed=seed))
    return tuple(found)


def _entities(plain: Plain) -> Entities:
    entities: Any = read_as(plain, Entities, plain.section("entities"), ("entities",))
    if entities is WRONG:
        return {}
    rules.aliases(plain, entities, ("entities",))
    return dict(entities)


def _storyline(plain: Plain, raw: Any, path: Path) -> Storyline | None:
    if not isinstance(raw, dict) or "terms" not in raw:
        storyline: Storyline | None = fill(plain, Storyline, raw, path)  # which tells what is missing
        return storyline
    terms = _terms(plain, raw["terms"], (*path, "terms"))
    settings = {key: value for key, value in raw.items() if key != "terms"}
    storyline = fill(plain, Storyline, settings, path, terms=terms)
    return storyline if terms else None


def _terms(plain: Plain, raw: Any, path: Path) -> Terms | None:
    """`terms: [a, b]` is short for `terms: {any: [a, b]}`; a term of `all` is short for a group of one."""
    if not isinstance(raw, dict):
        words = read_as(plain, tuple[str, ...], raw, path)
        for number in range(len(raw) if isinstance(raw, tuple) else 0):
            plain.lines[*path, "any", number] = plain.line((*path, number))
        terms = None if words is WRONG else Terms(any=words)
    else:
        if isinstance(raw.get("all"), tuple):
            raw = raw | {"all": tuple(group if isinstance(group, tuple) else (group,) for group in raw["all"])}
        terms = fill(plain, Terms, raw, path)
    return terms if terms is not None and _can_be_found(plain, terms, path) else None


def _can_be_found(plain: Plain, terms: Terms, path: Path) -> bool:
    before = len(plain.problems)
    if not terms.all and not terms.any:
        plain.problem(path, "Without terms under `all` or `any` the storyline would match nothing; add some.")
    for number, group in enumerate(terms.all):
        if not group:
            plain.problem((*path, "all", number), "This group is empty, so that nothing would match; add a term.")
    for word, where in _each(terms, path):
        rules.term(plain, word, where)
    return len(plain.problems) == before


def _each(terms: Terms, path: Path) -> Iterator[tuple[str, Path]]:
    """Every term with its place, in order."""
    for number, group in enumerate(terms.all):
        yield from ((word, (*path, "all", number, place)) for place, word in enumerate(group))
    for key, words in (("any", terms.any), ("none", terms.none)):
        yield from ((word, (*path, key, place)) for place, word in enumerate(words))


def _check_id_is_new(plain: Plain, name: Any, ids: set[str], path: Path) -> None:
    if isinstance(name, str):
        if name in ids:
            plain.problem((*path, "id"), f"Two storylines have the id `{shown(name)}`; give each its own.")
        ids.add(name)


def _completed(storyline: Storyline, raw: Mapping[str, Any], shared: Entities, defaults: Defaults) -> Storyline:
    return replace(
        storyline,
        entities={**shared, **storyline.entities},
        channels=storyline.channels or defaults.channels,
        threshold=storyline.threshold if "threshold" in raw else defaults.threshold,
    )


def _seed(plain: Plain, name: Any, folder: File, path: Path) -> str:
    """The text of the seed article, which lies beside the configuration."""
    if not isinstance(name, str) or not name:
        return ""
    try:
        return files.read(folder / name, SIZE_CAP).decode("utf-8")
    except (files.UnreadableError, UnicodeDecodeError) as error:
        why = error if isinstance(error, files.UnreadableError) else "it is not UTF-8 text"
        plain.problem(path, f"The seed article {shown(name)} cannot be read: {why}.")
        return ""


def _check_reach(plain: Plain, storyline: Storyline, path: Path) -> None:
    """Whether any entry could match at all."""
    best = ceiling(storyline)
    if not best:
        said = "Nothing could match, since `none` excludes what the other terms ask for."
        plain.problem((*path, "terms"), said)
    elif best < storyline.threshold:
        said = f"An entry with every term scores {best:g}, which is below the threshold of {storyline.threshold:g}"
        plain.problem((*path, "threshold"), f"{said}, so that nothing could match; lower it or add terms.")


def _check_routes(plain: Plain, raw: Any, known: Collection[str], path: Path) -> None:
    for number, route in enumerate(raw if isinstance(raw, tuple) else (raw,)):
        if isinstance(route, dict) and "channels" in route:
            place = (*path, number, "channels") if isinstance(raw, tuple) else (*path, "channels")
            channels.check_named(plain, route["channels"], known, place)


def _check_urgent(plain: Plain, storyline: Storyline, path: Path) -> None:
    """What makes an alert critical must be looked for."""
    known = {term for term, _ in _each(storyline.terms, path)}
    for number, term in enumerate(storyline.urgent):
        if term not in known:
            said = f"`{shown(term)}` is urgent, but none of the storyline's terms; {nearest(term, known)}"
            plain.problem((*path, "urgent", number), said)


def _warn_of_typos(plain: Plain, storyline: Storyline, path: Path) -> None:
    """A term that is nearly an entity's name was probably meant to be it."""
    names = {fold_all(name): name for name in storyline.entities}
    known = names.keys() | {fold_all(alias) for aliases in storyline.entities.values() for alias in aliases}
    for term, where in _each(storyline.terms, (*path, "terms")):
        folded = fold_all(term)
        near = process.extractOne(folded, names.keys(), scorer=fuzz.ratio, score_cutoff=_TYPO)
        if near and folded not in known:
            said = f"The term “{shown(term)}” is nearly the entity “{shown(names[near[0]])}”"
            plain.warn(where, f"{said}; write it alike if it is meant.")
