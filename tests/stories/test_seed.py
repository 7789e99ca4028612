"""What an article proposes to follow: its names, its open threads, and terms that know their follow-ups from other news."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.errors import MonitorError
from monitor.model import Storyline
from monitor.stories.match import Matcher, ceiling
from monitor.stories.seed import Proposal, guess_language, propose, unused_id
from monitor.stories.seed.names import names
from monitor.stories.seed.prose import sentences
from monitor.stories.seed.questions import openness, question
from tests.stories.conftest import MakeEntry

ARTICLES = Path(__file__).parents[1] / "articles"
VOLCANO, STRAJK = ((ARTICLES / f"{name}.txt").read_text() for name in ("volcano", "strajk"))
NAMES = {"volta", "sarro", "brandsteel"}


def proposal(text: str, **options: str) -> Proposal:
    return propose("", text, **options)  # type: ignore[arg-type]


def storylines(text: str) -> list[Storyline]:
    return [draft.storyline for draft in proposal(text).drafts]


def found(text: str, title: str = "", language: str = "en") -> dict[str, tuple[str, ...]]:
    return {name.name: name.aliases for name in names(title, sentences(text), language)}


# --- names


def test_the_main_names_come_first_with_their_short_forms_and_acronyms() -> None:
    entities = proposal(VOLCANO).entities
    assert list(entities)[:2] == ["Mount Kelva", "Sarro"]
    assert entities["Mount Kelva"] == ("Kelva",)
    assert entities["Ilse Brandvoort"] == ("Brandvoort",)
    assert "SVO" in entities["Sarro Volcano Observatory"]


def test_who_is_cited_and_the_days_of_the_week_are_no_entities() -> None:
    for text in (VOLCANO, STRAJK):
        told = {form for name, aliases in proposal(text).entities.items() for form in (name, *aliases)}
        assert not told & {"Anstead Courier", "Courier", "PAP", "Tuesday", "Friday", "March", "Mayor", "Prime Minister"}


@pytest.mark.parametrize(
    ("text", "name", "aliases"),
    [
        ("We met Ann Berg-Lund. Later Ann Berg-lund left, and Mr Berg-Lund slept.", "Ann Berg-Lund", ("Berg-Lund",)),
        ("The old World Kite Society (WKS) met. Then the WKS left.", "World Kite Society", ("WKS",)),
        ("The WKS (World Kite Society) met, and we saw the WKS leave.", "World Kite Society", ("WKS",)),
        ("Here New Orlandia’s team won. In all, New Orlandian fans cheered New Orlandia.", "New Orlandia", ("New Orlandian",)),
        ("The minister spoke to Tom Ash of Pell. Later we saw Ash in Pell.", "Tom Ash", ("Ash",)),
    ],
)  # fmt: skip
def test_the_forms_of_a_name_are_one_entity(text: str, name: str, aliases: tuple[str, ...]) -> None:
    assert found(text)[name] == aliases


def test_polish_cases_are_one_entity() -> None:
    entities = proposal(STRAJK).entities
    assert entities["Huty Zawadka"] == ("Hucie Zawadka",)
    assert set(entities["Wiktor Dolata"]) == {"Dolaty"}
    assert any({name, *aliases} == {"Starego Brodu", "Starym Brodzie"} for name, aliases in entities.items())


def test_a_sentences_first_word_is_a_name_only_if_it_is_one_elsewhere() -> None:
    told = found("Lava flows on. Brandvoort left. They heard that Brandvoort had left. Lava reached the road.")
    assert "Lava" not in told
    assert "Brandvoort" in told


def test_a_headline_in_title_case_names_only_whom_the_text_names() -> None:
    told = names(
        "Angry Farmers Block Volta Bridge",
        sentences("Today farmers stood before the gates of Volta. At Volta, nobody spoke."),
    )
    assert [(name.name, name.titled) for name in told] == [("Volta", True)]


def test_two_who_share_a_name_are_not_mixed_up() -> None:
    told = found("We saw Ann Berg and Tom Berg. Then Berg left. Later Ann Berg met Tom Berg.")
    assert {"Ann Berg", "Tom Berg", "Berg"} <= set(told)


def test_a_capital_and_its_country_are_one_but_not_two_countries_of_one_name() -> None:
    told = found(
        "He left for Norway. In Norway, the Norwegian king spoke; Oslo was silent. Then Norway voted, and Oslo did."
    )
    assert set(told["Norway"]) == {"Norwegian", "Oslo"}


# --- what is open


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("It is not clear whether the dam will hold.", "Will the dam hold?"),
        ("The Senate is expected to vote on Friday, aides said.", "Will the Senate vote on Friday?"),
        ("Analysts say Volta could close the plant as orders fall.", "Will Volta close the plant?"),
        ("She said that a deal is possible as early as Monday.", "Is a deal possible as early as Monday?"),
        ("UMW may extend the strike to Pell.", "Will UMW extend the strike to Pell?"),
        ("He may resign on Friday.", ""),  # who?
        ("“The dam will hold for years,” Berg said.", ""),  # a quotation
        ("The harbour, the yard and the dock will be sold to Volta.", ""),
        ("Sarro may have sold the ship to Volta.", ""),  # of the past
        ("Motorola will close the plant.", ""),  # a name, or a word that only opens its sentence?
        ("With the harvest over, farmers will march.", ""),
        ("The Senate will likely vote.", "Will the Senate vote?"),
        ("Workers of Volta may strike.", "Will workers of Volta strike?"),
        ("The dam held.", ""),
    ],
)  # fmt: skip
def test_a_sentence_becomes_a_question_only_where_that_is_safe(text: str, asked: str) -> None:
    assert question(sentences(text)[0], "en", NAMES) == asked


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Nie wiadomo, kto zapłaci za fundusz.", "Kto zapłaci za fundusz?"),
        ("Nie jest jasne, czy tama wytrzyma.", "Czy tama wytrzyma?"),
        ("Rozmowy mają się rozpocząć w sobotę.", "Czy rozmowy mają się rozpocząć w sobotę?"),
        ("Brandsteel może zamknąć piec.", "Czy Brandsteel może zamknąć piec?"),
        ("Prezes ostrzegł, że piec może zgasnąć.", ""),
        ("Ich związek może zastrajkować.", ""),
        ("Zarząd nie będzie rozmawiać.", ""),
        ("Rozmowy mają się rozpocząć w sobotę, gdy wróci mediator, jeśli nic, co teraz grozi, ich nie zerwie.", ""),
    ],
)  # fmt: skip
def test_polish_sentences_become_questions_too(text: str, asked: str) -> None:
    assert question(sentences(text)[0], "pl", NAMES) == asked


def test_in_other_languages_the_sentence_itself_is_quoted() -> None:
    assert question(sentences("Es ist unklar, ob der Damm hält.")[0], "de", NAMES) == ""


def test_what_is_unknown_is_more_open_than_what_is_expected_or_may_be() -> None:
    texts = ("The dam held.", "The dam may hold.", "The dam is set to reopen.", "It is unclear why the dam broke.")
    weights = [openness(sentence) for text in texts for sentence in sentences(text)]
    assert weights == sorted(set(weights))
    assert weights[0] == 0


def test_an_article_has_its_own_storyline_and_a_few_threads_each_with_its_question() -> None:
    own, *threads = proposal(VOLCANO).drafts
    assert own.storyline.title.startswith("Mount Kelva erupts on Sarro")
    assert own.storyline.question == "Will the eruption last for weeks?"
    assert 1 <= len(threads) <= 3
    asked = {draft.storyline.question for draft in threads}
    assert "Will the airport reopen on Saturday if the wind turns?" in asked
    assert any("inquiry into the sirens" in question for question in asked)
    assert all(draft.quote in VOLCANO for draft in threads)


def test_a_polish_article_is_asked_in_polish() -> None:
    told = proposal(STRAJK)
    assert told.language == "pl"
    assert {"Kto zapłaci za fundusz, jeśli spółka się wycofa?", "Czy Brandsteel dotrzyma terminu przejęcia huty?"} <= {
        draft.storyline.question for draft in told.drafts
    }


# --- terms


@pytest.mark.parametrize("text", [VOLCANO, STRAJK])
def test_the_own_storyline_matches_its_article_and_each_can_be_reached(text: str, entry: MakeEntry) -> None:
    told = storylines(text)
    title, *rest = text.splitlines()
    assert Matcher(told[:1]).match(entry(title, " ".join(rest[:2])))
    assert all(ceiling(storyline) >= storyline.threshold for storyline in told)
    assert len({storyline.id for storyline in told}) == len(told)


@pytest.mark.parametrize(
    ("headline", "thread"),
    [
        ("Kelva eruption: ash falls on the capital", "mount-kelva-erupts-sarro"),
        ("Sarro opens inquiry into silent sirens", "sirens"),
        ("Airport on Sarro reopens", "airport"),
    ],
)
def test_follow_ups_are_matched(headline: str, thread: str, entry: MakeEntry) -> None:
    assert any(thread in match.storyline for match in Matcher(storylines(VOLCANO)).match(entry(headline)))


@pytest.mark.parametrize(
    ("headline", "summary"),
    [
        ("Sarro wins the island games", "The team of Sarro beat Norway by two goals."),
        ("Okonjo visits Norway", "The prime minister spoke about fish."),
        ("Brandvoort honoured by university", ""),
        ("Airport workers call strike in Lisbon", "The airport will close on Monday."),
        ("Lava erupts from Icelandic volcano", "Villagers had to leave."),
    ],
)
def test_news_that_shares_only_an_actor_or_only_the_words_is_not_matched(
    headline: str, summary: str, entry: MakeEntry
) -> None:
    assert Matcher(storylines(VOLCANO)).match(entry(headline, summary)) == ()


TALKS = """\
Tarland president leaves for Ostria by train - amid rumours of talks over grain deal
President Orso Vell of Tarland left on Monday for Ostria, where he will meet Chancellor Mina Korr to talk about grain, his office said.
It will be the first visit of a Tarland president since 2011. The Ostria chancellor Mina Korr confirmed the invitation.
A meeting between Vell and Korr could focus on grain and on the closed border, diplomats say.
Tarland has closed the border to grain trucks from Ostria twice this year. Vell said the border would stay closed.
It is not clear whether Ostria will pay for the grain that rots in the trucks. Korr has called the closed border a breach of the treaty.
"""


def test_two_parties_must_both_be_named_and_those_who_belong_together_count_as_one() -> None:
    own, *threads = storylines(TALKS)
    assert len(own.terms.all) == 2
    sides = [set(group) for group in own.terms.all]
    assert any("Tarland" in side for side in sides)
    assert any({"Ostria", "Mina Korr"} <= side for side in sides)
    assert "deal" in own.terms.any
    assert all(thread.terms.all == own.terms.all for thread in threads)


def test_what_a_headline_adds_after_a_dash_is_a_thread_of_its_own() -> None:
    own, added, *_ = storylines(TALKS)
    assert own.title == "Tarland president leaves for Ostria by train"
    assert "grain" in added.terms.any


def test_known_entities_are_used_as_they_are() -> None:
    known = {"Kelva volcano": ("Kelva", "the Kelva"), "Elsewhere": ("Nowhere",)}
    told = propose("", VOLCANO, known=known)
    assert "Mount Kelva" not in told.entities
    assert not known.keys() & told.entities.keys()
    assert told.drafts[0].storyline.terms.all[0][0] == "Kelva volcano"


# --- odds and ends


@pytest.mark.parametrize(
    ("title", "outlet", "shown"),
    [
        ("Dam cracks above the town | The Daily Bugle", "", "Dam cracks above the town"),
        ("Dam cracks above the town - Bugle", "", "Dam cracks above the town"),
        ("Dam cracks above the town – The Daily Bugle", "The Daily Bugle", "Dam cracks above the town"),
        ("Dam cracks above the town – amid rain", "", "Dam cracks above the town – amid rain"),
    ],
)
def test_a_headline_loses_its_outlet(title: str, outlet: str, shown: str) -> None:
    body = "\n".join(VOLCANO.splitlines()[1:])
    assert propose(title, f"The dam of Orla cracks. Near Orla, the dam cracks.\n{body}", outlet=outlet).drafts[
        0
    ].storyline.title == (shown if "amid" not in shown else "Dam cracks above the town")


def test_the_language_is_told_by_small_words() -> None:
    assert guess_language(VOLCANO) == "en"
    assert guess_language(STRAJK) == "pl"
    assert guess_language("Kelva Sarro Pell Anstead") == ""


def test_ids_are_made_unique() -> None:
    assert unused_id("dam", {"dam", "dam-2"}) == "dam-3"
    assert unused_id("--", ()) == "story"
    assert len(unused_id("long-" * 40, ())) <= 60


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no article"),
        ("Hello\nworld", "no article"),
        ("댐\n" + "댐에 균열이 발생했다 주민들은 대피했다. " * 20, "without capital letters"),
    ],
)
def test_what_is_no_article_is_told_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(MonitorError, match=sentence):
        proposal(text)


def test_a_list_of_numbers_is_no_story() -> None:
    with pytest.raises(MonitorError, match="No story"):
        proposal("1, 2, 3\n" + "and 12 of 13 or " * 30)
