"""The real daemon tells when people want to hear: silences that end in one message, digests, mails by which one leaves."""

from __future__ import annotations

import re
import signal
import time

import pytest
import requests

from tests.end_to_end.world import World, free_port, on_both

pytestmark = on_both

NEW = "storyline.development.new"
CRACK = ("Orla dam closed after crack is found", "Two towns below are told to leave.")
EVACUATION = ("Government orders evacuation of 4,000 people below Orla dam", "Soldiers go from door to door.")


def following(world: World, extra: str = "") -> None:
    world.write_config("herald", extra=extra)
    world.start()
    world.wait_for(lambda: "run feeds=" in world.log)
    world.poll_all()


def states(world: World) -> list[tuple[str, str]]:
    return sorted((delivery.channel, str(delivery.state)) for delivery in world.deliveries())


def test_a_silence_holds_what_comes_and_its_end_tells_all_of_it_in_one_message(world: World) -> None:
    following(world)
    assert world.command("silence", "dam", "8h").returncode == 0
    for report in (CRACK, EVACUATION):
        world.web.publish("herald", *report)
        world.poll_all()
    world.wait_for(lambda: states(world) == [("hook", "held")] * 2 + [("mail", "held")] * 2)
    assert (world.hook.received, world.mail.messages) == ([], [])
    assert world.command("follow", "dam").returncode == 0
    world.wait_for(lambda: len(world.hook.received) == 1 and len(world.mail.messages) == 1)
    (data,) = world.hook.of_kind("digest")
    assert [told["title"] for told in data["chapters"][0]["told"]] == [CRACK[0], EVACUATION[0]]
    assert world.mail.subjects == ["[Digest] 2 alerts on The Orla dam"]
    told = [("hook", "folded")] * 2 + [("hook", "sent")] + [("mail", "folded")] * 2 + [("mail", "sent")]
    world.wait_for(lambda: states(world) == told)
    told_by = {d["told_by"] for d in world.json("deliveries", "--limit", "100") if d["state"] == "folded"}
    assert told_by == {d["id"] for d in world.json("deliveries", "--limit", "100") if d["state"] == "sent"}


@pytest.mark.timeout(60)
def test_a_reader_leaves_a_storyline_by_the_button_of_the_mail_program_and_others_go_on(world: World) -> None:
    """RFC 8058, over the real page of the real daemon."""
    port = free_port()
    following(world, f"web: {{base_url: 'http://127.0.0.1:{port}', listen: '127.0.0.1:{port}'}}\n")
    world.web.publish("herald", *CRACK)
    world.poll_all()
    world.wait_for(lambda: len(world.hook.received) == 1 and len(world.mail.messages) == 1)
    mail = world.mail.messages[0]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = re.sub(r"[\s<>]", "", mail["List-Unsubscribe"])
    answer = requests.post(url, data={"List-Unsubscribe": "One-Click"}, timeout=10)
    assert (answer.status_code, "You follow this no more." in answer.text) == (200, True)
    world.web.publish("herald", *EVACUATION)
    world.poll_all()
    world.wait_for(lambda: len(world.hook.received) == 2)
    assert len(world.mail.messages) == 1
    assert world.json("stories")[0]["muted"] == [{"channel": "mail", "target": "ann@desk.example", "until": None}]
    assert world.stop() == 0


def test_the_operator_hears_once_of_a_configuration_that_was_refused_and_once_of_its_end(world: World) -> None:
    """C13."""
    world.write_config("herald", extra="operator: {channels: [hook]}\n")
    good = world.config.read_text()
    world.start(
        code="from datetime import timedelta\nfrom monitor import daemon\ndaemon._LOOK_EVERY = timedelta(seconds=0.3)"
    )
    world.wait_for(lambda: "run feeds=" in world.log)
    world.poll_all()
    assert world.process is not None
    world.config.write_text(good.replace("storylines:", "storyline:"))
    for _ in range(3):
        world.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
    world.wait_for(lambda: len(world.hook.of_kind("notice")) == 1)
    world.config.write_text(good)
    world.process.send_signal(signal.SIGHUP)
    world.wait_for(lambda: len(world.hook.of_kind("notice")) == 2)
    assert [notice["title"] for notice in world.hook.of_kind("notice")] == [
        "The configuration is wrong", "Well again: The configuration is wrong",
    ]  # fmt: skip
    assert "monitor.yaml:" in world.hook.of_kind("notice")[0]["explanation"]
    assert world.mail.messages == []
