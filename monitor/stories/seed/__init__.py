"""An article -> the storylines it opens: what it is about, its open threads, and the entities they speak of.

It proposes; a person decides. So it prefers few storylines that recognise their follow-ups to many that do not, and each one
is tried on the article itself before it is proposed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise

from monitor.errors import MonitorError
from monitor.model import Entry, Storyline, Terms
from monitor.stories.facts import word_list, word_set
from monitor.stories.match import Matcher
from monitor.stories.seed.names import Name, is_country, names
from monitor.stories.seed.prose import Sentence, has_capitals, is_small, listed, sentences, tokens
from monitor.stories.seed.questions import openness, question
from monitor.stories.seed.topics import Topics
from monitor.stories.text import clean, fold_all, read, without_outlet

TEXT_CAP = 40_000
"""Characters of an article that are read; what is open is told long before."""
_FEWEST_WORDS = 30
_ENTITIES, _SIDE, _THREADS = 12, 4, 3
_LEAD, _OFTEN, _FEW = 3, 3, 5
_WORDS, _THREAD_WORDS, _THREAD_TOPICS = 8, 6, 3
_ID_CAP, _ID_WORDS, _TITLE_CAP = 50, 4, 90
_SURE = 2
"""How openly a sentence must speak to make a thread of its own; one that only guesses must come back to a topic."""
_NO_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A storyline that is proposed, and the sentence of the article that leaves it open (empty where there is none)."""

    storyline: Storyline
    quote: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What an article proposes to follow; the first storyline is the article's own, the others are its threads."""

    drafts: tuple[Draft, ...]
    entities: Mapping[str, tuple[str, ...]]
    """Name -> aliases, the most important first; without those that were known before."""
    language: str


@dataclass(frozen=True, slots=True)
class _Read:
    """An article, read."""

    title: str
    article: tuple[Sentence, ...]
    names: tuple[Name, ...]
    topics: Topics
    language: str
    capitals: frozenset[str]
    """The words, folded, that have a capital where none is due."""
    called: Mapping[str, str]
    """A name as the article has it -> the entity's."""
    entities: Mapping[str, tuple[str, ...]]
    """All that terms may speak of, known ones too."""


def propose(
    title: str, text: str, *, language: str = "", outlet: str = "", known: Mapping[str, tuple[str, ...]] | None = None
) -> Proposal:
    """Propose storylines from an article's headline and text; where `title` is empty, the text's first line is it.

    `language` is two letters, found out where it is empty; `known` are entities that there are already (name -> aliases):
    they are used as they are. Ids are unique within the proposal. Raises MonitorError when the text is no article.
    """
    read_in = _read(title, clean(text[:TEXT_CAP]), language[:2].lower(), outlet, dict(known or {}))
    main = _main(read_in)
    drafts = _with_ids(_threads(read_in, main))
    used = {term for draft in drafts for group in draft.storyline.terms.all for term in group}
    new = {n: a for n, a in read_in.entities.items() if n not in (known or {}) and (a or n in used)}
    ordered = sorted(new, key=lambda name: name not in used)
    return Proposal(drafts=tuple(drafts), entities={name: new[name] for name in ordered}, language=read_in.language)


def _read(title: str, text: str, language: str, outlet: str, known: dict[str, tuple[str, ...]]) -> _Read:
    if not title.strip():
        title, _, text = text.strip().partition("\n")
    title = _headline(title, outlet, text)
    if len(read(text).words) < _FEWEST_WORDS:
        raise MonitorError("This is no article: too little text is left to propose a storyline from.")
    if not has_capitals(text):
        raise MonitorError(
            "The article is in a script without capital letters, so that names cannot be told from other words; describe the storyline by hand."
        )
    language = language or guess_language(text)
    article = sentences(text)
    found = tuple(name for name in names(title, article, language) if _matters(name))[:_ENTITIES]
    called = {name.name: _known_as(name, known) or name.name for name in found}
    entities = known | {called[n.name]: n.aliases for n in found if called[n.name] not in known}
    spelled = {part for name in found for form in name.forms for part in fold_all(form).split()}
    topics = Topics(title, article, names=spelled, language=language)
    capitals = {t.folded for s in article for t in s.tokens if t.capital and not t.first} | spelled
    return _Read(title, article, found, topics, language, frozenset(capitals), called, entities)


def guess_language(text: str) -> str:
    """The language of a text by its small words, as two letters; empty where they do not say."""
    counts = Counter(word.folded for word in read(text).words)
    by_language = {tongue: sum(counts[word] for word in word_set("small", tongue)) for tongue in word_list("small")}
    best = max(by_language, key=lambda tongue: by_language[tongue])
    return best if by_language[best] >= 0.1 * sum(counts.values()) else ""


def _headline(title: str, outlet: str, text: str) -> str:
    """The headline without the name of its outlet."""
    title = without_outlet(" ".join(clean(title).split()), outlet)
    head, separator, tail = title.rpartition(" | ")
    if not separator:
        match = re.fullmatch(r"(.+)\s[-\u2013\u2014]\s([^-\u2013\u2014]+)", title)
        head, tail = (match[1], match[2]) if match else ("", "")
    words = tail.split()
    own = len(words) in range(1, 5) and all(w[0].isupper() or is_small(fold_all(w)) for w in words)
    if head and (separator or (own and fold_all(tail) not in fold_all(text))):
        return head.strip()
    return title.strip()


def _matters(name: Name) -> bool:
    return name.titled or name.count > 1


def _known_as(name: Name, known: Mapping[str, tuple[str, ...]]) -> str:
    """The known entity that has this name, or one of its forms, among its names."""
    ours = [fold_all(form) for form in (name.name, *name.aliases)]
    for own in ours:
        for entity, aliases in known.items():
            if own in {fold_all(alias) for alias in (entity, *aliases)}:
                return entity
    return ""


# --- the storyline of the article itself


def _main(read_in: _Read) -> Draft:
    """The article's own storyline."""
    headline = [t for t in read_in.topics.of(tokens(read_in.title)) if t[0] != "w" or read_in.topics.tells(t)]
    lead = read_in.article[:_LEAD]
    further = [t for s in lead for t in read_in.topics.of(s.tokens) if read_in.topics.count(t) >= _OFTEN]
    words = read_in.topics.words(dict.fromkeys([*headline, *further]), _WORDS)
    if len(words) < _FEW:
        again = sorted(
            (t for s in lead for t in read_in.topics.of(s.tokens) if read_in.topics.count(t) > 1),
            key=lambda t: -read_in.topics.count(t),
        )
        words = read_in.topics.words(dict.fromkeys([*headline, *further, *again]), _FEW)
    storyline = Storyline(id="", title=_short(read_in.title), terms=Terms(), entities=read_in.entities)
    reported = _entry(read_in.title, " ".join(s.text for s in lead))
    for terms in _ways(_sides(read_in), words):
        storyline = replace(storyline, terms=terms)
        if (terms.all or terms.any) and Matcher([storyline]).match(reported):
            break
    else:
        raise MonitorError("No story can be made out in this text; describe the storyline by hand.")
    return _asked(read_in, storyline, _asking(read_in, frozenset(headline)))


def _ways(sides: Sequence[tuple[str, ...]], words: tuple[str, ...]) -> list[Terms]:
    """Terms to try, the strictest first; none of them is reached by a single actor's name."""
    actors = tuple(actor for side in sides for actor in side)
    ways = []
    if len(sides) > 1 and words:
        ways.append(Terms(all=tuple(sides[:2]), any=words))
    if actors and words:
        ways.append(Terms(all=(actors[: 2 * _SIDE], words)))
    if len(sides) > 1:
        ways.append(Terms(all=tuple(sides[:2])))
    if not actors and len(words) > 1:
        ways += [
            Terms(all=(words[:1], words[1:])),
            Terms(all=(words[:2], words[2:])) if words[2:] else Terms(all=(words,)),
        ]
    return ways


def _sides(read_in: _Read) -> list[tuple[str, ...]]:
    """The actors of the headline (of the lead where it names none), each with those that belong to it."""
    titled = sorted(
        (n for n in read_in.names if n.titled), key=lambda n: min(_at(form, read_in.title) for form in n.forms)
    )
    spoken = titled or [n for n in read_in.names if min(n.sentences, default=9) < _LEAD]
    actors = [n for n in spoken if not n.is_place] or spoken
    if not actors:
        return []
    ties = _ties(read_in)
    sides: list[list[Name]] = []
    for name in [*actors, *(n for n in spoken if n not in actors)]:
        side = next((s for s in sides if any(frozenset((name.name, n.name)) in ties for n in s)), None)
        if side is None and (name in actors or not sides):
            sides.append([name])
        else:
            (sides[0] if side is None else side).append(name)
    for side in sides:
        side += [n for n in read_in.names if not any(n in s for s in sides) and _belongs(n, side, ties)]
    if len(sides) == 1:  # whoever the first sentences name may bring its news too
        sides[0] += [n for n in read_in.names if n not in sides[0] and n.count > 1 and n.sentences & {0, 1}]
    return [tuple(dict.fromkeys(read_in.called[n.name] for n in side))[:_SIDE] for side in sides]


def _at(form: str, title: str) -> int:
    """Where a headline names somebody; its end where it does not in this form."""
    place = title.find(form)
    return place if place >= 0 else len(title)


def _belongs(name: Name, side: Iterable[Name], ties: frozenset[frozenset[str]]) -> bool:
    return any(frozenset((name.name, other.name)) in ties for other in side)


def _ties(read_in: _Read) -> frozenset[frozenset[str]]:
    """Pairs of names that belong together: `Orla mayor Anna Kowalska`, `Orla's port of Zell`."""
    forms = {fold_all(form): name.name for name in read_in.names for form in name.forms}
    found: Counter[frozenset[str]] = Counter()
    for sentence in read_in.article:
        words = [t.folded for t in sentence.tokens]
        places = _located(words, forms)
        for (_, end, one), (start, _, other) in pairwise(places):
            between = words[end:start]
            if one != other and 0 < len(between) <= _SIDE and _is_role(between):
                found[frozenset((one, other))] += 1
        for _, end, one in places:
            role = words[end] if end < len(words) and is_country(words[end - 1]) else ""
            if role in listed("roles") and places[0][2] != one and not _follows(places, end):
                found[frozenset((places[0][2], one))] += 1  # the sentence goes on about whom it began with
    return frozenset(found)


def _follows(places: Sequence[tuple[int, int, str]], end: int) -> bool:
    """Whether a name comes so soon after `end` that a role there is its."""
    return any(start - end in range(4) for start, _, _ in places)


def _is_role(between: Sequence[str]) -> bool:
    kinds = listed("roles") | listed("kinds")
    return any(w in kinds for w in between) and all(
        w in kinds or w in ("of", "s", "the", "new", "former") for w in between
    )


def _located(words: Sequence[str], forms: Mapping[str, str]) -> list[tuple[int, int, str]]:
    """(start, end, name) of the names in a sentence, in order, the longest first at each place."""
    found, at = [], 0
    while at < len(words):
        end = next((end for end in range(min(len(words), at + 6), at, -1) if " ".join(words[at:end]) in forms), 0)
        if end:
            found.append((at, end, forms[" ".join(words[at:end])]))
        at = end or at + 1
    return found


# --- its threads


def _threads(read_in: _Read, main: Draft) -> list[Draft]:
    """The distinct things that the article leaves open: what its headline adds after a dash, then the most open first."""
    asking = {s: weight for s in read_in.article if (weight := openness(s))}
    taken = set(read_in.topics.of(tokens(read_in.title)))
    added = [t for t in taken - set(read_in.topics.of(tokens(main.storyline.title))) if read_in.topics.count(t) > 1]
    drafts = [main, *filter(None, [_added(read_in, main, added, asking)])]
    while len(drafts) <= _THREADS and (best := _most_open(read_in, asking, taken)):
        topics = _gathered(read_in, asking, best, taken)
        about = [s for s in asking if set(topics[:2]) & set(read_in.topics.of(s.tokens))]
        draft = _thread(read_in, drafts, topics, sorted(about, key=lambda s: (s != best, s.number)))
        if draft:
            drafts.append(draft)
        taken |= set(read_in.topics.of(best.tokens)) | set(topics)
        del asking[best]
    return drafts


def _added(read_in: _Read, main: Draft, topics: list[str], asking: Iterable[Sentence]) -> Draft | None:
    """The thread of what a headline's second part says."""
    topics.sort(key=lambda t: (-read_in.topics.count(t), t))
    about = [s for s in asking if set(topics[:2]) & set(read_in.topics.of(s.tokens))]
    about.sort(key=lambda s: (-len(set(topics) & set(read_in.topics.of(s.tokens))), s.number))
    return _thread(read_in, [main], topics[:_THREAD_TOPICS], about) if about else None


def _most_open(read_in: _Read, asking: Mapping[Sentence, int], taken: set[str]) -> Sentence | None:
    def worth(sentence: Sentence) -> float:
        fresh = [t for t in read_in.topics.of(sentence.tokens) if t not in taken and read_in.topics.tells(t)]
        back = sum(min(read_in.topics.count(t), 4) - 1 for t in fresh)
        if not fresh or (asking[sentence] < _SURE and not back):
            return 0.0
        return asking[sentence] + 0.5 * back + 0.5 * bool(question(sentence, read_in.language, read_in.capitals))

    best = max(asking, key=lambda s: (worth(s), -s.number), default=None)
    return best if best and worth(best) else None


def _gathered(read_in: _Read, asking: Mapping[Sentence, int], best: Sentence, taken: set[str]) -> list[str]:
    """The topics of a thread: those of its sentence, the most repeated first, and of open sentences that share two of them."""
    own = [t for t in read_in.topics.of(best.tokens) if t not in taken and read_in.topics.tells(t)]
    own.sort(key=lambda t: -min(read_in.topics.count(t), 4) - (t[0] == "t"))
    near = [
        t for s in asking if len(set(own) & set(read_in.topics.of(s.tokens))) > 1
        for t in read_in.topics.of(s.tokens) if t not in taken and t not in own and read_in.topics.count(t) > 1
    ]  # fmt: skip
    return list(dict.fromkeys([*own, *near]))[:_THREAD_TOPICS]


def _thread(read_in: _Read, told: Sequence[Draft], topics: Sequence[str], about: Sequence[Sentence]) -> Draft | None:
    words = read_in.topics.words(topics, _THREAD_WORDS)
    if not words:
        return None
    main = told[0].storyline
    groups = main.terms.all
    if main.terms.any:
        terms = Terms(all=groups, any=words)
    else:
        here = [read_in.called[n.name] for n in read_in.names if about[0].number in n.sentences]
        actors = [*(groups[0] if groups and read_in.names else ()), *here]
        terms = (
            Terms(all=(tuple(dict.fromkeys(actors))[: _SIDE + 2], words)) if actors else Terms(all=(*groups[:1], words))
        )
    first = groups[0][0] if groups else ""
    storyline = Storyline(id="", title=f"{first}: {', '.join(words[:3])}", terms=terms, entities=read_in.entities)
    if not Matcher([storyline]).match(_entry(read_in.title, about[0].text)):
        return None
    return _asked(read_in, storyline, about, told)


# --- what they have in common


def _asking(read_in: _Read, topics: frozenset[str]) -> list[Sentence]:
    """The open sentences of the lead and on `topics`, the most open first."""
    found = [
        s for s in read_in.article if openness(s) and (s.number < _LEAD or topics & set(read_in.topics.of(s.tokens)))
    ]
    return sorted(found, key=lambda s: (s.number >= _LEAD, -openness(s), s.number))


def _asked(read_in: _Read, storyline: Storyline, asking: Sequence[Sentence], told: Sequence[Draft] = ()) -> Draft:
    """The storyline with the first question that can be put safely and is not another's; else with the sentence to make one of."""
    others = {draft.storyline.question for draft in told}
    for sentence in asking:
        if (asked := question(sentence, read_in.language, read_in.capitals)) and asked not in others:
            return Draft(storyline=replace(storyline, question=asked), quote=sentence.text)
    return Draft(storyline=storyline, quote=asking[0].text if asking else "")


def _short(title: str) -> str:
    """The first statement of a headline, as the name of a storyline."""
    first = re.split(r"\s[\u2013\u2014-]\s|(?<=\w)[.:;]\s", title)[0]
    if len(first.split()) < 4:  # noqa: PLR2004 - `Live: ...` and the like
        first = title
    first = first.rstrip(" .")
    return first if len(first) <= _TITLE_CAP else first[:_TITLE_CAP].rsplit(" ", 1)[0] + "\u2026"


def _with_ids(drafts: Sequence[Draft]) -> list[Draft]:
    used: set[str] = set()
    done = []
    for draft in drafts:
        told = [w.folded for w in read(draft.storyline.title).words if not is_small(w.folded) and len(w.folded) > 1]
        wanted = "-".join(re.sub(r"[^a-z0-9]", "", fold_all(word)) for word in told[:_ID_WORDS]).strip("-")
        done.append(replace(draft, storyline=replace(draft.storyline, id=unused_id(wanted, used))))
        used.add(done[-1].storyline.id)
    return done


def unused_id(wanted: str, used: Iterable[str]) -> str:
    """`wanted` as an id, with a number where it is taken."""
    wanted = re.sub(r"-+", "-", wanted)[:_ID_CAP].strip("-") or "story"
    taken = set(used)
    if wanted not in taken:
        return wanted
    return next(name for number in range(2, len(taken) + 3) if (name := f"{wanted}-{number}") not in taken)


def _entry(title: str, summary: str) -> Entry:
    return Entry(
        id="article", feed="", url="", title=title, summary=summary, published=_NO_TIME, language="", outlet=""
    )  # fmt: skip
