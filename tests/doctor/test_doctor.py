"""The whole of a configuration is looked over, and what the command says and how it ends."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.alerts.channels import ConsoleSettings
from monitor.alerts.policy import Policy
from monitor.cli import run
from monitor.config import Config, load
from monitor.doctor import Finding, Level, examine, machine, storage
from monitor.doctor.lookup import Lookup
from monitor.store import Store, file
from tests.alerts.servers import USER, mail_server

NOW = datetime.now(UTC)
CONFIG = """\
store: sqlite:///{folder}/monitor.db
storylines: [{{id: dam, title: Dam, terms: [dam]}}]
feeds: [https://feed.example/rss]
channels:
  screen: {{type: console}}
"""
DEAD_MAIL = "  mail: {type: email, host: localhost, port: 1, from: m@fridge.local, to: [a@fridge.local]}\n"


def write(folder: Path, channels: str = "") -> Path:
    path = folder / "monitor.yaml"
    path.write_text(CONFIG.format(folder=folder) + channels)
    return path


def on(subject: str, config: Config, lookup: Lookup) -> list[Finding]:
    return [finding for finding in examine(config, lookup, NOW) if finding.subject == subject]


# --- the command


def test_the_command_ends_with_1_where_alerts_cannot_be_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, DEAD_MAIL)
    assert run(["doctor", "-c", str(path)]) == 1
    out = capsys.readouterr().out
    assert re.search(r"^problem  mail: The mail server localhost cannot be spoken with", out, re.MULTILINE)
    assert re.search(r"^note     store: .+ is not there yet", out, re.MULTILINE)
    assert run(["doctor", "--json", "-c", str(path)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {finding["subject"] for finding in told} == {"screen", "mail", "store", "clock"}
    assert {"subject", "level", "said"} == set(told[0])


def test_the_command_ends_with_0_where_nothing_is_a_problem_and_leaves_no_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", "-c", str(write(tmp_path))]) == 0
    assert "clock: The rules of UTC are there" in capsys.readouterr().out
    assert not (tmp_path / "monitor.db").exists()


def test_the_command_ends_with_78_where_the_configuration_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", "-c", str(write(tmp_path, "  mail: {type: email}\n"))]) == 78
    assert "monitor.yaml:6:" in capsys.readouterr().err


def test_a_wrong_login_of_several_channels_is_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """D6, C16"""
    monkeypatch.setenv("DOCTOR_PASSWORD", "canary-wrong")
    with mail_server(tmp_path) as box:
        channel = (
            "  {name}: {{type: email, host: localhost, port: {box.port}, ca_file: {box.ca_file}, from: m@fridge.local, "
            "to: [a@fridge.local], username: {user}, password: {{env: DOCTOR_PASSWORD}}}}\n"
        )
        channels = "".join(channel.format(name=name, box=box, user=USER) for name in ("one", "two", "three"))
        assert run(["doctor", "-c", str(write(tmp_path, channels))]) == 1
    captured = capsys.readouterr()
    assert len(box.logins) == 1
    assert captured.out.count("are those of the channel one") == 2
    assert "canary" not in captured.out + captured.err


def test_receivers_of_posts_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    channels = (
        '  hook: {type: webhook, url: "https://127.0.0.1:1/x", secret: {env: HOOK_SECRET}}\n'
        '  ops: {type: alertmanager, url: "http://127.0.0.1:1"}\n'
    )
    assert run(["doctor", "-c", str(write(tmp_path, channels))]) == 1
    out = capsys.readouterr().out
    for line in (
        "ok       hook: Posts can be signed",
        "problem  hook: 127.0.0.1 leads to a private address",
        "problem  ops: 127.0.0.1 leads to",
    ):
        assert line in out


# --- secrets


def test_each_secret_is_told_once_by_its_place_and_a_file_that_others_can_read_is_a_warning(
    tmp_path: Path, lookup: Lookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C7, C8, C16"""
    monkeypatch.setenv("CHAT_URL", "ntfys://canary-topic")
    for name, mode in (("good", 0o600), ("shared", 0o640), ("open", 0o644)):
        (tmp_path / name).write_text("ntfys://canary-topic")
        (tmp_path / name).chmod(mode)
    chats = ", ".join(f"{name}: {{file: {tmp_path / name}}}" for name in ("good", "shared", "open"))
    config = load(
        write(tmp_path, f"  chat: {{type: apprise, urls: {{a: {{env: CHAT_URL}}, b: {{env: CHAT_URL}}, {chats}}}}}\n")
    )
    told = on("secrets", config, lookup)
    found = {re.sub(r".*[ /](\w+) (can|\(mode).*", r"\1", finding.said): finding for finding in told}
    assert len(told) == len(found)
    assert {name: finding.level for name, finding in found.items()} == {
        "CHAT_URL": Level.OK, "good": Level.OK, "shared": Level.OK, "open": Level.WARNING,
    }  # fmt: skip
    assert found["good"].said.endswith("can be read, and by nobody else.")
    assert found["shared"].said.endswith("can be read.")
    assert "mode 644" in found["open"].said
    assert not any("canary" in finding.said for finding in found.values())


def test_a_secret_that_is_gone_since_is_a_problem(
    tmp_path: Path, lookup: Lookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_URL", "ntfys://canary-topic")
    config = load(write(tmp_path, "  chat: {type: apprise, urls: {a: {env: CHAT_URL}}}\n"))
    monkeypatch.delenv("CHAT_URL")
    (finding,) = on("secrets", config, lookup)
    assert (finding.level, finding.said) == (
        Level.PROBLEM, "The environment variable CHAT_URL is not set; set it where the monitor is started.",
    )  # fmt: skip


# --- the store and the clock


def test_a_store_that_is_sound_has_room_and_is_its_owners_alone_is_well(tmp_path: Path, lookup: Lookup) -> None:
    """S3, S5, S16"""
    config = load(write(tmp_path))
    Store.open(config.store).close()
    found = on("store", config, lookup)
    assert [finding.level for finding in found] == [Level.OK] * 3
    assert "is sound" in found[0].said
    assert "GB free" in found[2].said
    (tmp_path / "monitor.db").chmod(0o644)
    assert "run chmod 600" in on("store", config, lookup)[1].said


def test_a_damaged_store_is_a_problem_and_stays_as_it_is(tmp_path: Path, lookup: Lookup) -> None:
    """S5"""
    config, damaged = load(write(tmp_path)), b"no database at all" * 100
    (tmp_path / "monitor.db").write_bytes(damaged)
    assert [finding.level for finding in on("store", config, lookup)] == [Level.PROBLEM]
    assert (tmp_path / "monitor.db").read_bytes() == damaged


def test_a_store_on_a_network_is_a_problem_before_there_is_one(
    tmp_path: Path, lookup: Lookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S7: what the daemon would refuse; no test can mount a network's disk."""
    monkeypatch.setattr(file, "network_file_system", lambda _path: "nfs4")
    (finding,) = on("store", load(write(tmp_path)), lookup)
    assert (finding.level, "put it on a local disk" in finding.said) == (Level.PROBLEM, True)


@pytest.mark.parametrize(
    ("version", "faulty"), [((3, 6, 23), False), ((3, 7, 0), True), ((3, 51, 2), True), ((3, 51, 3), False)]
)
def test_a_faulty_sqlite_is_told_and_harmless(version: tuple[int, ...], faulty: bool) -> None:
    """0.10"""
    found = storage.sqlite(version)
    assert (found.level, "its fault" in found.said) == (Level.OK, faulty)


def test_a_disk_that_is_nearly_full_is_a_warning(tmp_path: Path) -> None:
    """S3"""
    assert storage.room(tmp_path / "not" / "yet" / "monitor.db", least=10**18).level is Level.WARNING


def test_a_time_zone_that_is_not_known_here_is_a_problem(tmp_path: Path) -> None:
    screen = ConsoleSettings(type="console", policy=Policy(timezone="Mars/Olympus"))
    config = replace(load(write(tmp_path)), channels={"screen": screen})
    found = machine.clock(config)
    assert (found.level, "Mars/Olympus" in found.said) == (Level.PROBLEM, True)
