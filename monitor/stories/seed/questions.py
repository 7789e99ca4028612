"""What an article leaves open: how openly a sentence says so, and the question it comes down to."""

from __future__ import annotations

import re
from collections.abc import Collection

from monitor.stories.facts import cue_list
from monitor.stories.seed.prose import Sentence, is_common, is_small, listed
from monitor.stories.text import fold_all

_WEIGHTS = {"unknown": 3, "expected": 2, "possible": 1}
_LONGEST, _LONGEST_SUBJECT, _LONGEST_POLISH = 28, 9, 20
"""Words of a question, of its subject, and of a Polish sentence that becomes one as it is."""
_PLAIN = ("dull", "roles", "kinds", "places", "pronouns", "openers", "press")
_UNFIT = "\u0000"

_MODAL = re.compile(
    r"\s(?:may|might|could|would|will|(?:is|are) (?:expected|set|due|likely) to|plans? to|has yet to|have yet to)\s"
)
_CLAUSE = re.compile(r"(?:\b(?:that|whether|if|says?|said|but|and that|warned|reported)\s|[;:,]\s(?:and|but|while)\s)")
_ASIDE = re.compile(r",\s(?:which|who|whose|its|his|her|their|a|an|the)\b(?![^,]*\band\b)[^,]*,")
_TAIL = re.compile(
    r"(?:,|;|\s[\u2013\u2014-]\s|(?<! early)(?<! soon)(?<! many)(?<! much)(?<! far)\sas(?! early| soon| many| much| far)\s|\s(?:after|amid|because|while|according to|although|but|so that|that could|that would)\s).*$"
)
_ADVERB = re.compile(r"^(?:likely|also|then|potentially|probably|possibly|still|soon|now|only|even)\s")
_QUOTES = re.compile(r"[\"\u201c\u201d\u201e\u00ab\u00bb]|^\s*[\u2013\u2014-]")
_ASKS_POLISH = re.compile(
    r"(?:nie wiadomo|nie jest jasne|niejasne(?: jest)?|otwarte pozostaje),?\s(?:jeszcze,?\s)?"
    r"((?:czy|kto|kogo|komu|kiedy|gdzie|ile|ilu|jak|jaki|jaka|jakie|dlaczego|co|czym|kt\u00f3r\w+)\s.+)$",
    re.IGNORECASE,
)
_ATTRIBUTES_POLISH = re.compile(
    r"\b(?:poda\u0142|poinform|powiedzia|przekaza|ostrzeg|wed\u0142ug|zdaniem|zapowiad|twierdz|doda\u0142|odpowiada)",
    re.IGNORECASE,
)


def openness(sentence: Sentence) -> int:
    """How much a sentence tells of what is not known yet: 0 nothing, 1 what may be, 2 what is expected, 3 and more an open question."""
    text = f" {fold_all(sentence.text)} "
    return sum(weight for kind, weight in _WEIGHTS.items() if any(cue in text for cue in cue_list("open")[kind]))


def question(sentence: Sentence, language: str, capitals: Collection[str]) -> str:
    """The question that a sentence comes down to, or nothing where it cannot be told safely.

    `capitals` are the folded words that keep a capital inside a sentence, since they belong to names.
    """
    text = sentence.text.strip().rstrip(".!\u2026").strip()
    asks = {"en": _english, "pl": _polish}.get(language)
    if asks is None or _QUOTES.search(text):
        return ""
    asked = asks(_opened(text, capitals))
    return asked[0].upper() + asked[1:] + "?" if asked and len(asked.split()) <= _LONGEST else ""


def _opened(text: str, capitals: Collection[str]) -> str:
    """`text` with its first word as it would stand inside a sentence; one that may be a name or not is marked unfit."""
    first, _, others = text.partition(" ")
    folded = fold_all(first)
    if first.isupper() and len(first) > 1:
        return text
    says_nothing = is_small(folded) or any(folded in listed(kind) for kind in _PLAIN)
    if not says_nothing and (others[:1].isupper() or (folded in capitals and not is_common(folded))):
        return text
    return f"{first.lower()} {others}" if says_nothing or is_common(folded) else f"{_UNFIT} {others}"


def _english(text: str) -> str:
    """The question in `It is unclear whether the dam will hold`, which is `Will the dam hold?`."""
    modal = _MODAL.search(text)
    if modal is None:
        return _possible(text)
    before = _ASIDE.sub("", text[: modal.start()] + ",").rstrip(",")
    subject = before[max((clause.end() for clause in _CLAUSE.finditer(before)), default=0) :].strip()
    rest = _ADVERB.sub("", _TAIL.sub("", text[modal.end() :]).strip() + " ").strip()
    if not _can_be_subject(subject) or not rest or rest.split(maxsplit=1)[0] in ("have", "not", "never", "no"):
        return ""
    return f"will {subject} {rest}"


def _possible(text: str) -> str:
    """The question in `He said that a deal is possible on Monday`, which is `Is a deal possible on Monday?`."""
    found = re.search(r"\bthat (.+) (is|are) possible\b(.*)$", text)
    if found is None or not _can_be_subject(subject := found[1].rpartition(" that ")[2]):
        return ""
    return f"{found[2]} {subject} possible{_TAIL.sub('', found[3])}"


def _can_be_subject(text: str) -> bool:
    words = text.split()
    if not words or len(words) > _LONGEST_SUBJECT or _UNFIT in text or "," in text or "(" in text:
        return False
    first, last = fold_all(words[0]), fold_all(words[-1])
    return first not in listed("pronouns") | listed("openers") and last not in ("that", "who", "which", "and")


def _polish(text: str) -> str:
    """The question in `Nie wiadomo, czy tama wytrzyma`, which is `Czy tama wytrzyma?`; what is only expected is asked by `czy`."""
    if asks := _ASKS_POLISH.search(text):
        return asks[1]
    first = fold_all(text.split(maxsplit=1)[0])
    tangled = text.count(",") > 1 or len(text.split()) > _LONGEST_POLISH or _UNFIT in text
    if tangled or _ATTRIBUTES_POLISH.search(text) or re.search(r"\bnie\b", text) or first in _opening_polish():
        return ""
    return f"czy {text}"


def _opening_polish() -> frozenset[str]:
    return listed("pronouns") | listed("openers") | {"a", "i"}
