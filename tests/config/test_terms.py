"""A storyline's terms changed in the configuration: they are what is wanted, and nothing else is touched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import checked
from monitor.config.proposal import standing
from monitor.config.terms import with_terms
from monitor.errors import MonitorError
from monitor.model import Terms

HEAD = "feeds: [https://feed.example/rss]   # where\nchannels: {console: {type: console}}\nstorylines:\n"
BLOCK = """\
  # the dam
  - id: dam
    title: Dam
    terms:
      all:                # at least one of each
        - [Orla, dam]     # the place
        - 'crack'
      any:
        - "flood"         # what may come
        - evacuate
        # the end
      none: [film]        # not the film
    question: Will it hold?
  - {id: other, title: Other, terms: [storm]}   # another
"""
SHORT = "  - {id: dam, title: Dam, terms: [flood, dam]}   # short\n"
FLOW = "  - {id: dam, title: Dam, terms: {all: [[Orla, dam], crack], any: [flood]}}   # flow\n"
WORDS = st.text("abcdefgh 'é:#-", min_size=2, max_size=12).map(lambda text: " ".join(text.split())).filter(
    lambda text: re.search("[a-h]{2}", text)
)  # fmt: skip
LISTS = st.lists(WORDS, min_size=1, max_size=4, unique_by=str.casefold).map(tuple)


def changed(text: str, terms: Terms) -> str:
    return with_terms(standing(text.encode(), "monitor.yaml"), "dam", terms)


def terms_of(text: str) -> Terms:
    """As they stand there, in an order of their own."""
    return in_order(
        next(one.terms for one in checked(text.encode(), Path("monitor.yaml")).storylines if one.id == "dam")
    )


def in_order(terms: Terms) -> Terms:
    return Terms(
        all=tuple(sorted(tuple(sorted(group)) for group in terms.all)),
        any=tuple(sorted(terms.any)),
        none=tuple(sorted(terms.none)),
    )


def test_terms_that_stay_keep_their_comments_and_quotes() -> None:
    wanted = Terms(all=(("Orla", "Orla dam"), ("crack", "leak")), any=("flood", "alarm"), none=("film", "series"))
    text = changed(HEAD + BLOCK, wanted)
    assert terms_of(text) == in_order(wanted)
    for kept in ("# where", "# the dam", "# at least one of each", "# the place", '"flood"         # what may come', "# the end", "# not the film", "# another", "question: Will it hold?"):  # fmt: skip
        assert kept in text
    assert "evacuate" not in text


def test_nothing_changes_where_nothing_is_to_change() -> None:
    wanted = Terms(all=(("Orla", "dam"), ("crack",)), any=("flood", "evacuate"), none=("film",))
    assert changed(HEAD + BLOCK, wanted) == HEAD + BLOCK


@pytest.mark.parametrize("text", [BLOCK, SHORT, FLOW])
@pytest.mark.parametrize(
    "wanted",
    [
        Terms(any=("x",)),
        Terms(any=("flood",)),
        Terms(any=("dam", "flood", "new: one")),
        Terms(all=(("a1", "b1"), ("c1",), ("d1",)), none=("film", "no")),
        Terms(all=(("Orla", "dam"),), any=("flood",)),
        Terms(all=(("Orla", "dam"), ("crack",), ("rain", "#1")), any=("flood",)),
    ],
)
def test_each_way_of_writing_them_takes_each_change(text: str, wanted: Terms) -> None:
    after = changed(HEAD + text, wanted)
    assert terms_of(after) == in_order(wanted)
    assert "# where" in after


@given(all=st.lists(LISTS, max_size=3).map(tuple), any=LISTS, none=LISTS)
def test_whatever_is_wanted_is_what_stands_there_then(
    all: tuple[tuple[str, ...], ...],
    any: tuple[str, ...],
    none: tuple[str, ...],
) -> None:
    wanted = Terms(all=all, any=any, none=none)
    for text in (BLOCK, SHORT, FLOW):
        after = changed(HEAD + text, wanted)
        data = standing(after.encode(), "monitor.yaml").plain.data
        said = data["storylines"][0]["terms"]
        words = said if isinstance(said, tuple) else said["any"]
        assert sorted(words) == sorted(any)


def test_a_storyline_that_is_not_there_is_said() -> None:
    with pytest.raises(MonitorError, match="no storyline `dam`"):
        changed(HEAD + "  - {id: other, title: Other, terms: [storm]}\n", Terms(any=("x",)))


def test_terms_by_an_alias_are_left_to_a_person() -> None:
    text = HEAD + "  - {id: other, title: Other, terms: &t [storm, dam]}\n  - {id: dam, title: Dam, terms: *t}\n"
    with pytest.raises(MonitorError, match="change them there yourself"):
        changed(text, Terms(any=("storm", "flood")))
