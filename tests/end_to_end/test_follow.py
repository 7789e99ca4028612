"""The real daemon follows feeds and tells people, by mail and by webhook."""

from __future__ import annotations

import signal

import pytest

from tests.end_to_end.world import World, on_both

pytestmark = on_both

NEW = "storyline.development.new"


def following(world: World, *names: str) -> None:
    """A daemon that has taken the baseline of empty feeds."""
    world.write_config(*names)
    world.start()
    world.wait_for(lambda: "run feeds=" in world.log)
    world.poll_all()


def test_one_development_reaches_every_channel_once_however_many_outlets_report_it(world: World) -> None:
    following(world, "herald", "gazette")
    world.web.publish("herald", "Orla dam closed after crack is found", "Two towns below are told to leave.")
    world.poll_all()
    world.wait_for(lambda: len(world.hook.received) == 1 and len(world.mail.messages) == 1)
    world.web.publish(
        "gazette", "Crack is found in Orla dam, which is closed", "People below are told to leave their towns."
    )
    world.web.publish("gazette", "Ferry fares rise again", "Commuters complain.")
    world.poll_all()
    world.web.publish(
        "herald", "Government orders evacuation of 4,000 people below Orla dam", "Soldiers go from door to door."
    )
    world.poll_all()
    world.wait_for(lambda: len(world.hook.received) == 2 and len(world.mail.messages) == 2)
    assert [data["title"] for data in world.hook.of_kind(NEW)] == [
        "Orla dam closed after crack is found", "Government orders evacuation of 4,000 people below Orla dam",
    ]  # fmt: skip
    assert world.mail.logins == 2
    assert not world.hook.refused
    assert all("Orla dam" in subject for subject in world.mail.subjects)


def test_a_restart_repeats_nothing_and_a_known_entry_stays_known(world: World) -> None:
    following(world, "herald")
    world.web.publish("herald", "Orla dam closed after crack is found")
    world.poll_all()
    world.wait_for(lambda: len(world.hook.received) == 1 and len(world.mail.messages) == 1)
    assert world.stop() == 0
    world.start()
    world.wait_for(lambda: world.log.count("run feeds=") == 2)
    world.poll_all()
    world.web.publish("herald", "Government orders inquiry into Orla dam")
    world.poll_all()
    world.wait_for(lambda: len(world.hook.received) == 2 and len(world.mail.messages) == 2)
    assert len(set(world.hook.ids)) == 2
    assert len(set(world.mail.ids)) == 2


def test_what_a_feed_held_before_is_told_once_as_the_state_of_the_story(world: World) -> None:
    """X19."""
    for number in range(30):
        world.web.publish("herald", f"Orla dam report number {number}: water rises by {number} cm")
    following(world, "herald")
    world.wait_for(lambda: len(world.hook.received) == 1 and len(world.mail.messages) == 1)
    assert world.hook.of_kind(NEW) == []
    assert len(world.hook.of_kind("storyline.baseline")) == 1


def test_a_channel_that_is_down_delays_no_other_and_loses_nothing(world: World) -> None:
    """D25."""
    world.hook.status = 500
    following(world, "herald")
    world.web.publish("herald", "Orla dam closed after crack is found")
    world.poll_all()
    world.wait_for(lambda: len(world.mail.messages) == 1)
    world.wait_for(lambda: "channel=hook" in world.log)
    world.hook.status = 204
    world.wait_for(lambda: len(world.hook.received) == 1)  # the first retry comes after 5 s


def test_an_invalid_file_at_reload_keeps_the_old_configuration_and_a_valid_one_is_taken_up(world: World) -> None:
    """C13."""
    following(world, "herald")
    good = world.config.read_text()
    world.config.write_text(good.replace("storylines:", "storyline:"))
    assert world.process is not None
    world.process.send_signal(signal.SIGHUP)
    world.wait_for(lambda: "old configuration stays" in world.log)
    world.config.write_text(good)
    world.write_config("herald", "gazette")
    world.process.send_signal(signal.SIGHUP)
    world.wait_for(lambda: world.polled("gazette") > 0)
    world.poll_all()
    world.web.publish("gazette", "Orla dam closed after crack is found")
    world.poll_all()
    world.wait_for(lambda: len(world.hook.received) == 1)
    assert world.stop() == 0


def test_a_second_daemon_on_one_store_is_refused_and_names_the_first(world: World) -> None:
    """S6, P13."""
    following(world, "herald")
    assert world.process is not None
    second = world.command("run")
    assert second.returncode == 1
    assert str(world.process.pid) in second.stderr
    assert world.process.poll() is None


@pytest.mark.traced
def test_commands_work_beside_the_daemon_and_without_it(world: World) -> None:
    following(world, "herald")
    world.web.publish("herald", "Orla dam closed after crack is found")
    assert world.json("once", "--all")["alerts"] == 1
    world.wait_for(lambda: len(world.hook.received) == 1)
    world.wait_for(lambda: {d.state for d in world.deliveries()} == {"sent"})
    world.stop()
    for arguments in (
        ["status"],
        ["feeds"],
        ["stories"],
        ["timeline", "dam"],
        ["deliveries"],
        ["explain", "Orla dam cracks"],
    ):
        assert world.json(*arguments)
    world.web.publish("herald", "Government orders inquiry into Orla dam")
    assert world.json("once", "--all")["alerts"] == 1
    assert len(world.hook.received) == 2


def test_test_alert_shows_the_conversation_and_fails_when_it_was_not_taken(world: World) -> None:
    """D5, C16."""
    world.write_config("herald")
    mail = world.command("test-alert", "mail")
    assert mail.returncode == 0, mail.stdout + mail.stderr
    assert "STARTTLS" in mail.stdout.upper()
    assert "correct-horse" not in mail.stdout
    assert world.command("test-alert", "hook").returncode == 0
    world.hook.status = 500
    assert world.command("test-alert", "hook").returncode == 1
