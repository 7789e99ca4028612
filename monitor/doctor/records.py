"""What a domain says of who may send its mail: SPF (RFC 7208), DMARC (RFC 7489) and DKIM keys (RFC 6376), read and judged. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from monitor.doctor.finding import Finding, Level

LOCAL = re.compile(r"localhost|127\..*|\[?::1\]?|[^.]+|.*\.(?:local|lan|internal|home\.arpa)", re.IGNORECASE)
"""Names of one's own network, of which nothing is published."""
_TERM = re.compile(
    r"(?P<sign>[-+~?]?)(?P<kind>all|include|a|mx|ptr|ip4|ip6|exists)(?::(?P<value>(?:%\{[^}]*\}|[^/\s])+))?"
    r"(?:/(?P<four>[0-9]{1,3}))?(?://(?P<six>[0-9]{1,3}))?",
    re.IGNORECASE,
)
_MODIFIER = re.compile(r"(?P<name>[a-z][a-z0-9_.-]*)=(?P<value>\S*)", re.IGNORECASE)
_SHOWN = 60
"""Letters of a stranger's word that are shown."""
_IN_NEED = ("include", "ip4", "ip6", "exists")
"""What says nothing without a value."""


@dataclass(frozen=True, slots=True)
class Term:
    """A mechanism of an SPF record: whom it speaks of, and whether they may send (`+`) or not (`-`, `~`, `?`)."""

    sign: str
    kind: str
    value: str
    four: int = 32
    six: int = 128
    """How much of an address must agree, in bits, for each kind of address."""

    @property
    def is_open(self) -> bool:
        """Whether it depends on the single mail, so that nobody can say beforehand."""
        return self.kind == "ptr" or "%" in self.value


@dataclass(frozen=True, slots=True)
class Record:
    """An SPF record: its terms as far as `all`, the domain that it hands over to, and the first word that nobody understands."""

    terms: tuple[Term, ...]
    redirect: str = ""
    wrong: str = ""

    @property
    def end(self) -> str:
        """What is to become of all others: `-`, `~`, `?`, `+`, or nothing where it does not say."""
        return self.terms[-1].sign if self.terms and self.terms[-1].kind == "all" else ""


def spf_of(texts: Sequence[str]) -> list[str]:
    """Those of a name's texts that are SPF records."""
    return [text for text in texts if re.match(r"v=spf1(\s|$)", text, re.IGNORECASE)]


def read_spf(text: str) -> Record:
    """An SPF record, whatever stands in it."""
    terms: list[Term] = []
    redirect = wrong = ""
    for word in text.split()[1:]:
        modifier = _MODIFIER.fullmatch(word)
        if modifier and modifier["name"].lower() == "redirect":
            redirect = modifier["value"]
        term = None if modifier else _term(word)
        if term is None and not modifier:
            wrong = wrong or word[:_SHOWN]
        elif term and not (terms and terms[-1].kind == "all"):  # what stands behind `all` counts no more
            terms.append(term)
    return Record(tuple(terms), "" if terms and terms[-1].kind == "all" else redirect, wrong)


def _term(word: str) -> Term | None:
    parts = _TERM.fullmatch(word)
    if parts is None:
        return None
    kind, value = parts["kind"].lower(), parts["value"] or ""
    four, six = int(parts["four"] or 32), int(parts["six"] or 128)
    if kind in ("ip4", "ip6"):
        return Term(parts["sign"] or "+", kind, word.partition(":")[2]) if _is_network(word, kind) else None
    if (kind in _IN_NEED and not value) or (kind == "all" and value) or four > 32 or six > 128:  # noqa: PLR2004
        return None
    return Term(parts["sign"] or "+", kind, value, four, six)


def _is_network(word: str, kind: str) -> bool:
    try:
        return f"ip{ip_network(word.partition(':')[2], strict=False).version}" == kind
    except ValueError:
        return False


def judge_spf(subject: str, domain: str, host: str, texts: Sequence[str]) -> Finding:
    """What is to be said of a domain's SPF record, as it stands; `host` is where its mail goes out."""
    records = spf_of(texts)
    if not records:
        publish = f'{domain} TXT "v=spf1 {way_out(host)} ~all"'
        said = f"{domain} does not say who may send its mail (SPF). Publish {publish}, or what your mail provider tells you."
        return Finding(subject, Level.WARNING, said)
    if len(records) > 1:
        said = f"{domain} has {len(records)} SPF records, which makes all of them void; leave one."
        return Finding(subject, Level.PROBLEM, said)
    record = read_spf(records[0])
    if record.wrong:
        said = f"The SPF record of {domain} is void, since nobody understands `{record.wrong}` in it; correct that."
        return Finding(subject, Level.PROBLEM, said)
    if record.end == "+":
        said = f"The SPF record of {domain} lets everybody send its mail (+all); end it in ~all."
        return Finding(subject, Level.WARNING, said)
    if record.end not in ("-", "~") and not record.redirect:
        said = f"The SPF record of {domain} does not end in ~all or -all, so it excludes nobody; end it in ~all."
        return Finding(subject, Level.WARNING, said)
    how = f"{record.end}all" if record.end else f"by {record.redirect}"
    return Finding(subject, Level.OK, f"{domain} says who may send its mail (SPF, {how}).")


def way_out(host: str) -> str:
    """The term that lets `host` send."""
    try:
        return f"ip{ip_address(host).version}:{host}"
    except ValueError:
        return "ip4:(the public address of your mail server)" if LOCAL.fullmatch(host) else f"a:{host}"


def dmarc_of(texts: Sequence[str]) -> list[str]:
    """Those of a name's texts that are DMARC records."""
    return [text for text in texts if re.match(r"v\s*=\s*DMARC1\s*(;|$)", text)]


def judge_dmarc(subject: str, sender: str, owner: str, texts: Sequence[str], passes: str) -> Finding:
    """What is to be said of the texts at _dmarc of `owner`, the sender's domain or one above it.

    `passes` says in a sentence why the sender's own mail passes; empty where that is not known.
    """
    records = dmarc_of(texts)
    if not records:
        publish = f'_dmarc.{sender} TXT "v=DMARC1; p=none; rua=mailto:postmaster@{sender}"'
        said = f"{sender} does not say what is to become of forged mail (DMARC), which large receivers want. Publish {publish}."
        return Finding(subject, Level.WARNING, said)
    if len(records) > 1:
        said = f"{owner} has {len(records)} DMARC records, which makes all of them void; leave one."
        return Finding(subject, Level.WARNING, said)
    tags = _tags(records[0])
    policy = (tags.get("sp", "") if owner != sender else "") or tags.get("p", "")
    if policy not in ("none", "quarantine", "reject"):
        said = f"The DMARC record of {owner} has no policy; write p=none, p=quarantine or p=reject."
        return Finding(subject, Level.WARNING, said)
    told = f"{owner} says what is to become of forged mail (DMARC, p={policy})."
    if passes:
        return Finding(subject, Level.OK, f"{told} {passes}")
    signer = sender if tags.get("adkim") == "s" else f"{sender} or {owner}" if owner != sender else sender
    only = f"passes only if the mail server signs it for {signer} (DKIM)"
    if policy == "none":
        return Finding(subject, Level.OK, f"{told} Yours {only}.")
    said = f"{told} Yours is not named by SPF, {only}, and is else refused or put aside; `--dkim-selector NAME` looks at the key."
    return Finding(subject, Level.WARNING, said)


def judge_dkim(subject: str, name: str, texts: Sequence[str]) -> Finding:
    """What is to be said of the texts at a DKIM selector's name."""
    keys = [tags["p"] for tags in map(_tags, texts) if "p" in tags]
    if any(keys):
        return Finding(subject, Level.OK, f"{name} has a key by which receivers check signatures (DKIM).")
    said = "has been withdrawn" if keys else "is not there"
    return Finding(subject, Level.WARNING, f"The key {name} (DKIM) {said}; publish what your mail provider tells you.")


def _tags(record: str) -> dict[str, str]:
    """`a=b; c=d` as a mapping; values in small letters, since all that is asked for here is so written."""
    parts = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip().lower() for name, _, value in parts}
