"""A user's own templates: filled with the same facts, escaped, sandboxed; one that fails gives way to ours and is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.alerts import render
from monitor.alerts.templates import Own, TemplateFiles, syntax_error
from monitor.config import load
from monitor.errors import ConfigError
from tests.alerts.samples import make_alert

HOSTILE = make_alert(title="<script>alert(1)</script>")


def own(folder: Path, source: str, form: str = "text") -> tuple[Own, list[str]]:
    (folder / "mine").write_text(source)
    said: list[str] = []
    return Own(TemplateFiles(**{form: str(folder / "mine")}), said.append), said


def test_a_template_words_the_mail_and_the_other_form_stays_ours(tmp_path: Path) -> None:
    mine, said = own(tmp_path, "Ahoy! {{ alert.title }} ({{ alert.severity }}, {{ alert.created_at | when }})")
    assert render.text(make_alert(), (), mine) == (
        "Ahoy! Two valleys below the Orla dam are evacuated (normal, 5 March 2026, 12:00 UTC)\n"
    )
    assert "<html" in render.html(make_alert(), (), mine)
    assert said == []


def test_html_is_escaped_and_text_is_not(tmp_path: Path) -> None:
    """T9."""
    mine, _ = own(tmp_path, "<b>{{ alert.title }}</b>", "html")
    assert render.html(HOSTILE, (), mine) == "<b>&lt;script&gt;alert(1)&lt;/script&gt;</b>"


@pytest.mark.parametrize(
    "source",
    [
        "{{ alert.nonsense }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ alert.outlets.append(1) }}",
        "{% include 'x' %}",
        "{{ 1/0 }}",
    ],
)
def test_one_that_fails_gives_way_to_ours_and_says_why(source: str, tmp_path: Path) -> None:
    """D26: also where it asks for what no template may have."""
    mine, said = own(tmp_path, source)
    assert "WHY YOU GET THIS" in render.text(make_alert(), (), mine)
    (sentence,) = said
    assert sentence.startswith(f"The template {tmp_path}/mine failed, and the built-in one was used: ")


def test_one_that_is_gone_gives_way_too(tmp_path: Path) -> None:
    """D26."""
    mine, said = own(tmp_path, "x")
    (tmp_path / "mine").unlink()
    assert "WHY YOU GET THIS" in render.text(make_alert(), (), mine)
    assert len(said) == 1


def test_a_mistake_is_told_with_its_line_when_the_configuration_is_checked(tmp_path: Path) -> None:
    assert syntax_error("one\n{% if %}") == "line 2: Expected an expression, got 'end of statement block'"
    (tmp_path / "mine").write_text("one\n{% if %}")
    config = tmp_path / "monitor.yaml"
    config.write_text(
        f"""storylines: [{{id: dam, title: Dam, terms: [dam]}}]
feeds: [https://feed.example/rss]
channels:
  mail: {{type: email, host: smtp.example.org, from: m@d.example, to: [a@d.example], templates: {{text: {tmp_path}/mine, html: /nowhere}}}}
"""
    )
    with pytest.raises(ConfigError) as caught:
        load(config)
    said = sorted(problem.message for problem in caught.value.problems)
    assert said[0].startswith("The template /nowhere cannot be read: ")
    assert "is wrong in line 2: Expected an expression" in said[1]
