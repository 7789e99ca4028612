"""Who and what an article speaks of: names found by their capitals, their forms folded into one entity each.

It knows no names but those of countries (words/places.txt); that `Orla Works`, `the Works` and `OW` are one is seen from the text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.stories.facts import concepts, word_list
from monitor.stories.seed.prose import Sentence, Token, in_title_case, is_common, is_small, listed, sentences
from monitor.stories.text import fold_all
from monitor.stories.vocabulary import INFLECTED, common_beginning, likeness

_LONGEST = 6
"""Words of a name; longer runs of capitals are headings."""
_LEAD = 3
"""Sentences that say what the article is about."""
_ALIASES = 6
_CITED = 0.4
"""The share of its mentions beside a word of the press from which on a name is an outlet's."""
_LOCAL = 0.5
_ENDING, _SHORTEST = 3, 3
"""The most letters of an ending, and the fewest of a word that has one."""


@dataclass(slots=True)
class Name:
    """Somebody or something with a name, and where the article speaks of it."""

    forms: Counter[str] = field(default_factory=Counter)
    """How it is written, and how often."""
    sentences: set[int] = field(default_factory=set)
    count: int = 0
    titled: bool = False
    cited: int = 0
    local: int = 0
    """Mentions after a word such as `in` or `near`."""
    placed_in_title: bool = False

    @property
    def name(self) -> str:
        """The fullest form, the most frequent of these: `Orla Works`, not `Works`."""
        longest = max(len(form.split()) for form in self.forms)
        full = [form for form in self.forms if len(form.split()) == longest]
        return max(
            full,
            key=lambda form: (self._is_basic(form), self.forms[form], sum(c.isupper() for c in form), -len(form), form),
        )

    @property
    def aliases(self) -> tuple[str, ...]:
        """Its other forms, the most frequent first."""
        own = {fold_all(self.name)}
        found = []
        for form, _ in sorted(self.forms.items(), key=lambda item: (-item[1], item[0])):
            if fold_all(form) not in own:
                own.add(fold_all(form))
                found.append(form)
        return tuple(found[:_ALIASES])

    @property
    def salience(self) -> float:
        """How much the article is about it."""
        lead = any(number < _LEAD for number in self.sentences)
        return self.count + 6 * self.titled + 3 * lead

    @property
    def is_place(self) -> bool:
        """Whether it is mostly said where something is, not who does it."""
        return self.local >= _LOCAL * self.count or self.placed_in_title

    @property
    def is_outlet(self) -> bool:
        """Whether it is cited as a source."""
        return self.cited >= max(1.0, _CITED * self.count) or any(_is_known_outlet(form) for form in self.forms)

    def takes(self, other: Name) -> None:
        """Count another's mentions as its own."""
        self.forms.update(other.forms)
        self.sentences |= other.sentences
        self.count += other.count
        self.cited += other.cited
        self.local += other.local
        self.titled |= other.titled
        self.placed_in_title |= other.placed_in_title

    def _is_basic(self, form: str) -> int:
        """How many of the forms as long as this one are inflections of it: 1 for `Nowy Sad` beside `Nowego Sadu`."""
        return sum(len(other.split()) == len(form.split()) and _is_inflection(other, form) for other in self.forms)


@dataclass(frozen=True, slots=True)
class _Mention:
    words: tuple[Token, ...]
    before: tuple[Token, ...]
    after: tuple[Token, ...]
    sentence: int
    """Its number; -1 in the title."""


def names(title: str, article: Sequence[Sentence], language: str = "en") -> list[Name]:
    """The names in an article in `language` (two letters), the most salient first; outlets are left out."""
    told = _Capitals(article)
    mentions = [mention for sentence in article for mention in _mentions(sentence.tokens, sentence.number, told)]
    for headline in sentences(title):
        if in_title_case(title):
            mentions += _known_in(headline.tokens, {_key(mention.words) for mention in mentions})
        else:
            mentions += _mentions(headline.tokens, -1, told)
    found = _fold(_counted(mentions), told, _acronyms(article), language)
    found = [name for name in found if not name.is_outlet]
    return sorted(found, key=lambda name: (-name.salience, min(name.sentences, default=0), name.name))


# --- mentions


class _Capitals:
    """Which words the article writes with a capital where none is due, and which with a small letter."""

    def __init__(self, article: Iterable[Sentence]) -> None:
        inside = [sentence.tokens for sentence in article]
        self.capital = {t.folded for words in inside for t in words if t.capital and not t.first}
        self.small = {t.folded for words in inside for t in words if not t.capital}
        self.runs = {_key(words[a:b]) for words in inside for a, b in _runs(words) if not words[a].first}
        """What stands with capitals where none is due, as a whole."""

    def is_name(self, token: Token) -> bool:
        """Whether a capital means a name here."""
        return token.capital and (not token.first or token.acronym or self.is_known(token))

    def is_known(self, token: Token) -> bool:
        """Whether the word is a name elsewhere too, where its capital says so."""
        return token.folded in self.runs or (token.folded in self.capital and not is_common(token.folded))


def _mentions(words: tuple[Token, ...], sentence: int, told: _Capitals) -> Iterator[_Mention]:
    for start, end in _runs(words):
        for first, last in _parts(words, start, end, told):
            at = next(
                (
                    at
                    for at in range(first + 2, last)
                    if words[at].folded in listed("inner") and told.is_known(words[at + 1])
                ),
                last,
            )
            if at < last:  # a person of a place
                yield _Mention(words[at + 1 : last], words[at - 2 : at + 1], words[last : last + 3], sentence)
                last = at  # noqa: PLW2901 - the rest
            yield _Mention(words[first:last], words[max(0, first - 4) : first], words[last : last + 3], sentence)


def _runs(words: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """The stretches of words with capitals, small connectors such as `of` inside them."""
    at = 0
    while at < len(words):
        if not words[at].capital:
            at += 1
            continue
        end = at + 1
        while end < len(words) and words[end].joined and (words[end].capital or _connects(words, end)):
            end += 1
        yield at, end
        at = end


def _connects(words: Sequence[Token], at: int) -> bool:
    after = at + 1
    inner = words[at].folded in listed("inner")
    return inner and after < len(words) and words[after].joined and words[after].capital


def _parts(words: Sequence[Token], start: int, end: int, told: _Capitals) -> Iterator[tuple[int, int]]:
    """A run without what is no name in it: its sentence's first word, titles, days; these also split it."""
    opened = start
    for at in range(start, end + 1):
        if at < end and not _is_split(words[at]):
            continue
        first, last = _trimmed(words, opened, at, told)
        if last - first in range(1, _LONGEST + 1) and (last - first > 1 or _stands_alone(words[first], told)):
            yield first, last
        opened = at + 1


def _is_split(token: Token) -> bool:
    return token.folded in listed("roles") | listed("honorifics") | listed("calendar") and not token.acronym


def _trimmed(words: Sequence[Token], first: int, last: int, told: _Capitals) -> tuple[int, int]:
    """A run without connectors at its end and, where it opens a sentence, without a first word that is no part of a name."""
    while first < last and words[last - 1].folded in listed("inner"):
        last -= 1
    while first < last and _opens_only(words, first, last, told):
        first += 1
    return first, last


def _opens_only(words: Sequence[Token], first: int, last: int, told: _Capitals) -> bool:
    opening = words[first]
    if opening.folded == "the":
        return True
    if opening.acronym or not words[first].first or _key(words[first:last]) in told.runs:
        return False
    if _opens_no_name(opening):
        return True
    rest = _key(words[first + 1 : last])
    if not rest or told.is_known(opening):
        return False
    return opening.folded in told.small or is_common(opening.folded) or (" " in rest and rest in told.runs)


def _stands_alone(token: Token, told: _Capitals) -> bool:
    return told.is_name(token) and len(token.folded) > 1 and token.folded not in listed("dull") and (
        token.acronym or token.folded not in told.small
    )  # fmt: skip


def _known_in(headline: tuple[Token, ...], known: set[str]) -> list[_Mention]:
    """The names of the article that stand in a headline whose capitals say nothing."""
    found = []
    at = 0
    while at < len(headline):
        end = next((end for end in range(len(headline), at, -1) if _key(headline[at:end]) in known), 0)
        if end:
            found.append(_Mention(headline[at:end], headline[max(0, at - 4) : at], headline[end : end + 3], -1))
        at = end or at + 1
    return found


def _key(words: Iterable[Token]) -> str:
    return " ".join(word.folded for word in words)


# --- from mentions to names


def _counted(mentions: Iterable[_Mention]) -> dict[str, Name]:
    found: dict[str, Name] = {}
    for mention in mentions:
        name = found.setdefault(_key(mention.words), Name())
        name.forms[" ".join(word.surface for word in mention.words)] += 1
        name.count += 1
        name.cited += _is_cited(mention)
        placed = bool(mention.before) and mention.words[0].joined and _is_placed(mention.before)
        name.local += placed
        if mention.sentence < 0:
            name.titled = True
            name.placed_in_title |= placed
        else:
            name.sentences.add(mention.sentence)
    return found


def _is_placed(before: Sequence[Token]) -> bool:
    near = [
        token.folded
        for token in before[-3:]
        if token.folded not in ("the", "of") and token.folded not in listed("kinds")
    ]
    return bool(near) and near[-1] in listed("places")


def _is_cited(mention: _Mention) -> bool:
    press = listed("press")
    after = [token.folded for token in mention.after[:2] if token.joined]
    return bool(press & set(after)) or (
        bool(mention.before) and mention.before[-1].folded in press and mention.words[0].joined
    )


def _is_known_outlet(form: str) -> bool:
    return fold_all(form) in word_list("article")["outlets"]


def _acronyms(article: Iterable[Sentence]) -> dict[str, str]:
    """Acronym -> the key of the name that it stands for, where one explains the other in brackets."""
    found = {}
    for sentence in article:
        words = sentence.tokens
        for start, end in _runs(words):
            if end < len(words) and words[end].bracketed and words[end].acronym:
                skipped = next((at for at in range(start, end) if not _opens_no_name(words[at])), start)
                found[words[end].folded] = _key(words[skipped:end])
            elif end - start > 1 and words[start].bracketed and start and words[start - 1].acronym:
                found[words[start - 1].folded] = _key(words[start:end])
    return found


def _opens_no_name(token: Token) -> bool:
    return is_small(token.folded) or token.folded in listed("pronouns")


def _fold(found: dict[str, Name], told: _Capitals, explained: Mapping[str, str], language: str) -> list[Name]:
    """Names that are one: inflections, the short for the full, acronyms, a country's people and seat of government."""
    kept: dict[str, Name] = {}
    for key in sorted(found, key=lambda key: (-len(key.split()), -found[key].count, key)):
        whole = (
            _same_inflected(key, kept, language)
            or _explained(key, kept, explained)
            or _shortened(key, kept, found, told)
        )  # fmt: skip
        if whole:
            kept[whole].takes(found[key])
        else:
            kept[key] = found[key]
    return _countries(kept)


def _same_inflected(key: str, kept: Mapping[str, Name], language: str) -> str | None:
    def alike(other: str) -> bool:
        return (
            _is_inflection(key, other)
            or _is_inflection(other, key)
            or (language != "en" and _are_inflections(key, other))
        )

    return next((other for other in kept if alike(other)), None)


def _are_inflections(one: str, other: str) -> bool:
    """Whether two names of several words may be forms of a third: `Starym Brodzie`, `Starego Brodu`."""
    ours, theirs = one.split(), other.split()
    if len(ours) != len(theirs) or len(ours) == 1:
        return False
    least = _SHORTEST - any(a == b for a, b in zip(ours, theirs, strict=True))
    shared = [common_beginning(a, b) for a, b in zip(ours, theirs, strict=True)]
    return all(
        n >= least and max(len(a), len(b)) - n <= _ENDING for n, a, b in zip(shared, ours, theirs, strict=True) if a != b
    )  # fmt: skip


def _is_inflection(form: str, base: str) -> bool:
    """Whether each word of `form` is one of `base` or a form that names take of it; not whether they are the same."""
    ours, theirs = fold_all(base).split(), fold_all(form).split()
    if len(ours) != len(theirs) or ours == theirs:
        return False
    return all(
        a == b or (min(len(a), len(b)) >= _SHORTEST and likeness(b, a, name=True) == INFLECTED)
        for a, b in zip(ours, theirs, strict=True)
    )


def _explained(key: str, kept: Mapping[str, Name], explained: Mapping[str, str]) -> str | None:
    if (whole := explained.get(key)) in kept:
        return whole
    initials = [other for other in kept if len(key) > 1 and _initials(other) == key]
    return initials[0] if len(initials) == 1 else None


def _initials(key: str) -> str:
    words = [word for word in key.split() if word not in listed("connectors")]
    return "".join(word[0] for word in words) if len(words) > 1 else ""


def _shortened(key: str, kept: Mapping[str, Name], found: Mapping[str, Name], told: _Capitals) -> str | None:
    """The one name of which `key` is the beginning or the end: `Kowalska` of `Anna Kowalska`; of two, the far more frequent."""
    words = key.split()
    if len(words) == 1 and (key in told.small or concepts(key)):
        return None
    whole = [
        other for other in kept if len(other.split()) > len(words) and _is_part(words, other.split(), told, found[key])
    ]
    whole.sort(key=lambda other: -kept[other].salience)
    if len(whole) > 1 and kept[whole[0]].salience < 2 * kept[whole[1]].salience:
        return None
    return whole[0] if whole else None


def _is_part(short: Sequence[str], full: Sequence[str], told: _Capitals, name: Name) -> bool:
    """Whether a name may be short for a full one: by its end, or by its beginning where that is no place and the rest no common word."""
    if _fits(short, full[-len(short) :]):
        return True
    rest = full[len(short) :]
    return (
        _fits(short, full[: len(short)])
        and not name.is_place
        and not any(word in told.small or is_common(word) for word in rest)
    )


def _fits(short: Sequence[str], part: Sequence[str]) -> bool:
    return (
        list(short) == list(part)
        or _is_inflection(" ".join(short), " ".join(part))
        or _is_inflection(" ".join(part), " ".join(short))
    )


def _countries(kept: Mapping[str, Name]) -> list[Name]:
    """Names of one country joined, unless two bear its name; what the title names stays by itself."""
    whole: dict[str, Name] = {}
    rest = []
    several = Counter(place for key in kept if len(key.split()) > 1 and kept[key].count > 1 for place in _places(key))
    for _, name in sorted(kept.items(), key=lambda item: (-item[1].salience, item[0])):
        places = {place for form in name.forms for place in _places(form) if len(form.split()) == 1}
        place = next(iter(places)) if len(places) == 1 else ""
        if place and several[place] <= 1 and place in whole and not (name.titled and whole[place].titled):
            whole[place].takes(name)
            continue
        if place:
            whole.setdefault(place, name)
        rest.append(name)
    return rest


def is_country(word: str) -> bool:
    """Whether a folded word names a country, its people or its seat of government; short ones are other things too."""
    return len(word) > _SHORTEST and bool(_places(word))


def _places(key: str) -> set[str]:
    return {concept for word in fold_all(key).split() for concept in concepts(word) if concept.startswith("p:")}
