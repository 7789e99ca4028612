"""Records are judged by what stands in them, whatever that is."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.doctor import Level
from monitor.doctor.records import judge_dkim, judge_dmarc, judge_spf
from monitor.doctor.spf import LOOKUPS, Spf, VoidSpfError

SENDER = "desk.example"


@pytest.mark.parametrize(
    ("record", "level", "words"),
    [
        ("v=spf1 -all", Level.OK, "(SPF, -all)"),
        ("V=SPF1 A MX ~ALL", Level.OK, "(SPF, ~all)"),
        ("v=spf1 -all exp=why.desk.example", Level.OK, "(SPF, -all)"),
        ("v=spf1 -all +all", Level.OK, "(SPF, -all)"),
        ("v=spf1 a mx ?all", Level.WARNING, "excludes nobody"),
        ("v=spf1 a mx", Level.WARNING, "excludes nobody"),
        ("v=spf1", Level.WARNING, "excludes nobody"),
        ("v=spf1 +all", Level.WARNING, "lets everybody"),
        ("v=spf1 all", Level.WARNING, "lets everybody"),
        ("v=spf1 redirect=_spf.example", Level.OK, "by _spf.example"),
        ("v=spf10 -all", Level.WARNING, "Publish"),
        ("v=spf1 ipv4:192.0.2.1 -all", Level.PROBLEM, "`ipv4:192.0.2.1`"),
        ("v=spf1 ip4:192.0.2.999 -all", Level.PROBLEM, "`ip4:192.0.2.999`"),
        ("v=spf1 ip4:2001:db8::1 -all", Level.PROBLEM, "`ip4:2001:db8::1`"),
        ("v=spf1 a/33 -all", Level.PROBLEM, "`a/33`"),
        ("v=spf1 include -all", Level.PROBLEM, "`include`"),
        ("v=spf1 a, mx -all", Level.PROBLEM, "`a,`"),
    ],
)
def test_an_spf_record_is_judged_by_its_words_and_its_end(record: str, level: Level, words: str) -> None:
    found = judge_spf("mail", SENDER, "h", [record, "unrelated"])
    assert (found.level, words in found.said) == (level, True), found.said


def test_two_spf_records_are_none() -> None:
    assert judge_spf("mail", SENDER, "h", ["v=spf1 -all", "v=spf1 ~all"]).level is Level.PROBLEM


@pytest.mark.parametrize(
    ("host", "term"),
    [
        ("smtp.example.org", "a:smtp.example.org ~all"),
        ("192.0.2.1", "ip4:192.0.2.1 ~all"),
        ("2001:db8::1", "ip6:2001:db8::1 ~all"),
        ("localhost", "ip4:(the public address of your mail server) ~all"),
    ],
)
def test_the_record_to_publish_names_the_server(host: str, term: str) -> None:
    assert f'{SENDER} TXT "v=spf1 {term}"' in judge_spf("mail", SENDER, host, []).said


ZONE = {
    "desk.example": "v=spf1 -ip4:192.0.2.66 mx a:out.example/28 a:six.example//64 include:one.example -all",
    "one.example": "v=spf1 ~ip4:203.0.113.1 ip4:203.0.113.0/24 redirect=two.example",
    "two.example": "v=spf1 ip4:198.51.100.1 ip6:2001:db8::/32 ?ip4:198.51.100.0/24",
    "loop.example": "v=spf1 ip4:192.0.2.1 include:loop.example -all",
    "wide.example": "v=spf1 ip4:192.0.2.1 " + "a " * 11 + "-all",
    "both.example": "v=spf1 redirect=gone.example ip4:192.0.2.1 -all",
    "on.example": "v=spf1 redirect=on.example",
    "wider.example": "v=spf1 " + "a " * 10 + "redirect=one.example",
    "ptr.example": "v=spf1 ptr:out.example exists:%{i}.out.example -all",
    "known.example": "v=spf1 -exists:gone.example exists:out.example -all",
    "full.example": "v=spf1 " + "a " * 10 + "-all",
}
HOSTS = {
    "%{i}.out.example": ["192.0.2.1"],
    "out.example": ["192.0.2.1"],
    "mx.example": ["192.0.2.99"],
    "six.example": ["2001:db9::1"],
}


def excluded(domain: str, *addresses: str) -> list[str]:
    spf = Spf(
        lambda name: [ZONE[name]] if name in ZONE else [],
        lambda name: HOSTS.get(name, []),
        lambda _name: ["mx.example"],
    )
    return spf.excluded(domain, addresses)


@pytest.mark.parametrize(
    "address", ["192.0.2.1", "192.0.2.14", "192.0.2.99", "203.0.113.9", "198.51.100.1", "2001:db8::7", "2001:db9::ffff"]
)
def test_a_record_lets_send_whom_it_names_however_deep(address: str) -> None:
    assert excluded("desk.example", address) == []


@pytest.mark.parametrize(
    "address", ["192.0.2.66", "192.0.2.17", "203.0.113.1", "198.51.100.2", "8.8.8.8", "2001:db9:1::1"]
)
def test_whom_a_record_names_by_another_sign_or_not_may_not_send(address: str) -> None:
    """RFC 7208, 5.2: an include counts only where what it leads to lets send."""
    assert excluded("desk.example", "192.0.2.1", address) == [address]


@pytest.mark.parametrize("domain", ["loop.example", "on.example", "wide.example", "wider.example"])
def test_a_record_with_too_many_names_is_void_even_where_the_first_would_do(domain: str) -> None:
    """RFC 7208, 4.6.4"""
    with pytest.raises(VoidSpfError, match=f"more than {LOOKUPS} names"):
        excluded(domain, "192.0.2.1")
    assert excluded("full.example", "192.0.2.1") == ["192.0.2.1"]


def test_a_name_that_exists_lets_everybody_send() -> None:
    assert excluded("known.example", "8.8.8.8") == []


def test_a_record_that_ends_in_all_hands_over_to_no_other() -> None:
    """RFC 7208, 6.1"""
    assert excluded("both.example", "192.0.2.1") == []


def test_what_depends_on_the_single_mail_lets_nobody_send() -> None:
    assert excluded("ptr.example", "192.0.2.1") == ["192.0.2.1"]


PASSES = "Yours passes."


@pytest.mark.parametrize(
    ("texts", "passes", "level", "words"),
    [
        (["v=DMARC1; p=reject"], PASSES, Level.OK, "p=reject). Yours passes."),
        (["v=DMARC1;p=none;"], "", Level.OK, f"only if the mail server signs it for {SENDER} (DKIM)"),
        (["v=DMARC1; p=Reject"], "", Level.WARNING, "refused or put aside"),
        (["v=DMARC1; sp=reject; p=none"], PASSES, Level.OK, "p=none"),
        (["v=DMARC1; rua=mailto:x@y"], PASSES, Level.WARNING, "no policy"),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], PASSES, Level.WARNING, "2 DMARC records"),
        (["something"], PASSES, Level.WARNING, "Publish"),
        (["v=DMARC12; p=none"], PASSES, Level.WARNING, "Publish"),
    ],
)
def test_a_dmarc_record_is_judged_by_its_policy(texts: list[str], passes: str, level: Level, words: str) -> None:
    found = judge_dmarc("mail", SENDER, SENDER, texts, passes)
    assert (found.level, words in found.said) == (level, True), found.said


@pytest.mark.parametrize(("tags", "signer"), [("", f"news.{SENDER} or {SENDER}"), ("; adkim=s", f"news.{SENDER} (")])
def test_the_record_of_the_domain_above_has_a_policy_for_those_below(tags: str, signer: str) -> None:
    found = judge_dmarc("mail", f"news.{SENDER}", SENDER, [f"v=DMARC1; p=none; sp=reject{tags}"], "")
    assert (found.level, "p=reject" in found.said) == (Level.WARNING, True)
    assert f"signs it for {signer}" in found.said


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["v=DKIM1; k=rsa; p=MIG"], "has a key"),
        (["p=MIG"], "has a key"),
        (["v=DKIM1; p="], "has been withdrawn"),
        (["other"], "is not there"),
        ([], "is not there"),
    ],
)
def test_a_dkim_key_is_there_withdrawn_or_missing(texts: list[str], words: str) -> None:
    assert words in judge_dkim("mail", "s._domainkey.x", texts).said


_word = st.one_of(
    st.text(max_size=12),
    st.from_regex(
        r"[-+~?]?(all|include|a|mx|ptr|ip4|ip6|exists|redirect=|p=|sp=|adkim=)[:=/;%{}0-9a-f.]{0,12}", fullmatch=True
    ),
)
_text = st.builds(
    lambda head, separator, words: head + separator.join(words),
    st.sampled_from(["", "v=spf1 ", "V=SPF1\t", "v=DMARC1;", "v=DKIM1;"]),
    st.sampled_from([" ", ";"]),
    st.lists(_word, max_size=8),
)


@pytest.mark.no_cover
@given(st.lists(st.one_of(st.text(), _text), max_size=3), st.booleans())
def test_no_text_of_a_stranger_breaks_the_judgement(texts: list[str], there: bool) -> None:
    for found in (
        judge_spf("m", "d", "h", texts), judge_dmarc("m", "d.e", "e", texts, ""), judge_dkim("m", "k", texts),
    ):  # fmt: skip
        assert found.said
    spf = Spf(lambda _name: texts, lambda _name: ["192.0.2.1", "2001:db8::1"] * there, lambda _name: ["a", "b"])
    with suppress(VoidSpfError):
        assert set(spf.excluded("d", ["192.0.2.1", "2001:db8::1"])) <= {"192.0.2.1", "2001:db8::1"}
    assert spf.lookups <= LOOKUPS + 1
