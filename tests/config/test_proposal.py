"""A proposal as YAML: right by itself, and put into a configuration of which nothing else changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import checked
from monitor.config.proposal import as_yaml, extended, renamed, scalar, standing
from monitor.errors import ConfigError, MonitorError
from monitor.model import Storyline, Terms
from monitor.stories.seed import Draft, Proposal

ROOT = Path(__file__).parents[2]
FEEDS = "feeds: [https://feed.example/rss]\n"
ENTITIES = {"Orla dam": ("Orla", "zapora: Orla"), "Norway": ("No",)}
DAM = Storyline(
    id="dam", title="Dam: the cracks", question="Will the dam hold?", terms=Terms(all=(("Orla dam",), ("crack", "yes"))), entities=ENTITIES
)  # fmt: skip
INQUIRY = Storyline(
    id="inquiry", title="Inquiry", terms=Terms(all=(("Orla dam",),), any=("inquiry", "#1")), entities=ENTITIES
)
PROPOSAL = Proposal(
    drafts=(Draft(storyline=DAM), Draft(storyline=INQUIRY, quote='An inquiry\nmay "follow" # soon.')),
    entities=ENTITIES,
    language="en",
)


def put_into(text: str, proposal: Proposal = PROPOSAL) -> str:
    return extended(standing(text.encode(), "monitor.yaml"), proposal, "")


def storylines(text: str) -> tuple[Storyline, ...]:
    return checked(text.encode(), Path("monitor.yaml")).storylines


def keeps(after: str, before: str) -> bool:
    """Whether every character of `before` is in `after`, in order, every comment whole."""
    rest = iter(after)
    return all(character in rest for character in before) and all(
        comment in after for comment in re.findall("#.*", before)
    )


def test_by_itself_it_is_right_as_soon_as_it_has_feeds() -> None:
    dam, inquiry = storylines(as_yaml(PROPOSAL, "Dam cracks: # [really]") + FEEDS)
    assert (dam.id, dam.title, dam.question) == (DAM.id, DAM.title, DAM.question)
    assert dam.terms == DAM.terms
    assert dam.entities == ENTITIES
    assert inquiry.terms == INQUIRY.terms


def test_what_cannot_be_asked_is_quoted_on_one_line() -> None:
    text = as_yaml(PROPOSAL, "Dam cracks")
    assert '    # The article says: “An inquiry may "follow" # soon.”\n' in text
    assert "    # question: what is open here?\n" in text


@pytest.mark.parametrize(
    "before",
    [
        "storylines:\n  - {id: old, title: Old, terms: [a]}\n" + FEEDS,
        "storylines:\n- {id: old, title: Old, terms: [a]}  # kept\n\n# Where to look\n" + FEEDS,
        "# Top\nentities:\n    Old: [x]   # kept\n    # More: [y]\n\n# And\nstorylines:\n    - id: old\n      title: Old\n      terms: [a]\n      # later\n"
        + FEEDS,
        FEEDS + "storylines:\n  - id: old\n    title: Old\n    terms: [a]",
        FEEDS + "storylines:\n  - id: old\n    title: Old\n    question: |\n      Will it hold?\n\n      # no comment\n    terms: [a]\nentities: {}\n",
        FEEDS + "storylines:\n  - id: old\n    terms: [a]\n    title: Old\n    question: >-\n      Will it\n      hold?\n\n# end\n",
        "entities: {Old: [x],}\nstorylines: [{id: old, title: Old, terms: [a]}, # kept\n]\n" + FEEDS,
        "entities:\n  # Old: [x]\nstorylines: [\n  {id: old, title: Old, terms: [a]}  # kept\n]\n" + FEEDS,
        "entities: {\n}\nstorylines:\n  - {id: old, title: Old, terms: &t [a]}\n  - {id: older, title: Old, terms: *t}\n" + FEEDS,
        "entities:\r\n  Old: [x]\r\n\r\nstorylines:\r\n  - {id: old, title: Old, terms: [a]}\r\n" + FEEDS.replace("\n", "\r\n"),
    ],
    ids=range(10),
)  # fmt: skip
def test_everything_that_stood_there_stays_and_the_outcome_is_right(before: str) -> None:
    after = put_into(before)
    assert keeps(after, before)
    old, new = storylines(before), storylines(after)
    assert [one.id for one in new] == [*(one.id for one in old), "dam", "inquiry"]
    assert new[-2].terms == DAM.terms
    assert new[-1].entities.items() >= ENTITIES.items()
    assert [(one.title, one.question, one.terms) for one in new[:-2]] == [
        (one.title, one.question, one.terms) for one in old
    ]
    assert after.count("\n") == after.count("\r\n") or "\r" not in before


def test_a_section_that_is_not_there_or_has_only_comments_is_filled() -> None:
    for before in (FEEDS, f"{FEEDS}storylines:\n  # - id: old\n", f"{FEEDS}storylines:", f"{FEEDS}storylines: []\n"):
        assert [one.id for one in storylines(put_into(before))] == ["dam", "inquiry"]


def test_new_lines_stand_before_the_next_sections_comment_and_after_the_sections_own() -> None:
    before = "storylines:\n  - {id: old, title: Old, terms: [a]}\n  # - {id: off}\n\n# Where to look\n" + FEEDS
    after = put_into(before)
    assert after.index("# - {id: off}") < after.index("id: dam") < after.index("# Where to look")


@pytest.mark.parametrize("name", ["config/monitor.yaml", "monitor/config/starter.yaml"])
def test_it_goes_into_the_configurations_we_ship(name: str) -> None:
    before = (ROOT / name).read_text()
    after = extended(standing(before.encode(), name), PROPOSAL, "")
    assert keeps(after, before)
    assert checked(after.encode(), ROOT / name).warnings == ()


def test_ids_that_are_taken_get_a_number() -> None:
    proposal = renamed(PROPOSAL, {"dam", "dam-2"})
    assert [draft.storyline.id for draft in proposal.drafts] == ["dam-3", "inquiry"]


@pytest.mark.parametrize(
    "before",
    ["{feeds: [https://feed.example/rss]}\n", "---\nfeeds: []\n...\n", "storylines: &all\n  - {id: a}\nfeeds: *all\n"],
)
def test_a_file_in_which_nothing_can_be_put_safely_is_refused(before: str) -> None:
    with pytest.raises(MonitorError):
        put_into(before)


@pytest.mark.parametrize("before", ["feeds: ]", "- a\n", "\tfeeds: []"])
def test_a_file_that_is_no_configuration_is_told_with_its_line(before: str) -> None:
    with pytest.raises(ConfigError) as caught:
        put_into(before)
    assert caught.value.problems[0].line == 1


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=30))
def test_a_text_means_itself_also_in_brackets(text: str) -> None:
    assert yaml.safe_load(f"[{scalar(text)}, x]") == [text, "x"]


@pytest.mark.parametrize(
    "text", ["no", "Null", "12", "1e3", "a: b", "a #b", "- a", "it's", "“so”", "a, b", "yes?", "~"]
)
def test_what_yaml_takes_for_something_else_is_quoted(text: str) -> None:
    assert yaml.safe_load(f"[{scalar(text)}]") == [text]
