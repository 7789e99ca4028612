"""C1-C16: every broken file gets a sentence that names the line and says what to do. What to expect stands at the top of each file."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.config import find, load
from monitor.errors import ConfigError, Problem

BROKEN = sorted((Path(__file__).parent / "broken").glob("*.yaml"))
STARTER = Path(__file__).parents[2] / "monitor" / "config" / "starter.yaml"


def problems(path: Path) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return caught.value.problems


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "monitor.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_mistake_is_told_with_its_line_and_what_to_write(path: Path) -> None:
    expected = re.findall(r"^# expect (\d+): (.+)$", path.read_text(), re.MULTILINE)
    found = problems(path)
    for line, sentence in expected:
        assert any(problem.line == int(line) and sentence in problem.message for problem in found), found
    assert {problem.line for problem in found} == {int(line) for line, _ in expected}, found
    assert all(problem.message.endswith((".", "?")) for problem in found)


def test_there_are_at_least_twenty_five_broken_files() -> None:
    assert len(BROKEN) >= 25


def test_all_problems_are_told_at_once_in_order_of_line(tmp_path: Path) -> None:
    """C15."""
    found = problems(
        write(
            tmp_path,
            "feeds: [ftp://x]\nstorylines:\n  - {id: A, title: t, terms: [a]}\n  - {id: b, titel: t, terms: [a]}\nwob: {}\n",
        )
    )
    assert [problem.line for problem in found] == [1, 3, 4, 4, 5]


def test_check_ends_with_78_and_one_line_a_problem_and_never_a_traceback() -> None:
    for path in BROKEN[:3]:
        done = subprocess.run(
            [sys.executable, "-m", "monitor", "check", "-c", str(path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 78
        assert all(line.startswith(f"{path}:") for line in done.stderr.splitlines())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("".join(f"{name}: &{name} [{','.join([f'*{before}'] * 9) if before else 1}]\n" for before, name in pairwise(["", *"abcdefg"])), "too many values"),
        ("[" * 500, "nested too deeply"),
        ("a: " + "x" * 2_000_000, "larger than"),
        ("feeds: []".encode("utf-16"), "UTF-16"),
        (b"feeds: [\xff\xfe\x80]", "not in UTF-8"),
        ("feeds: [a\x00b]", "NUL"),
        ("- just\n- a list\n", "must hold sections"),
        ("", "nothing to follow"),
        ("{{{", "a bracket was opened that is not closed"),
    ],
    ids=["alias bomb", "500 brackets", "2 MB", "UTF-16", "latin", "NUL", "a list", "empty", "braces"],
)  # fmt: skip
def test_files_that_are_no_configuration_are_refused(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    """C1, C5."""
    told = [problem.message for problem in problems(write(tmp_path, text))]
    assert any(sentence in message for message in told), told


def test_what_is_no_readable_file_is_refused(tmp_path: Path) -> None:
    """C9."""
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for path in (tmp_path, tmp_path / "missing.yaml", tmp_path / "dangling"):
        assert len(problems(path)) == 1


def test_where_a_configuration_was_looked_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MONITOR_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="monitor init"):
        find(None)


def test_a_secret_never_shows_in_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C16."""
    monkeypatch.setenv("HOOK_SECRET", "not-a-signing-secret")
    text = STARTER.read_text() + "\n"
    text = text.replace(
        "channels:\n  console: {type: console}",
        'channels:\n  hook: {type: webhook, url: "https://h.example", secret: {env: HOOK_SECRET}}',
    )
    found = problems(write(tmp_path, text.replace("channels: [console]", "channels: [hook]")))
    assert "not a signing secret" in found[0].message
    assert not any("not-a-signing-secret" in str(problem) for problem in found)


def test_a_secret_file_that_everybody_can_read_is_a_warning(tmp_path: Path) -> None:
    """C7, C8: the closing line break of a secret file is no part of the secret."""
    secret = tmp_path / "secret"
    secret.write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    secret.chmod(0o644)
    text = STARTER.read_text().replace(
        "channels:\n  console: {type: console}",
        f'channels:\n  console: {{type: console}}\n  hook: {{type: webhook, url: "https://h.example", secret: {{file: {secret}}}}}',
    )
    config = load(write(tmp_path, text))
    assert "Everybody on this machine can read" in config.warnings[0].message


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_mutant_of_a_good_file_brings_anything_but_a_config_error(tmp_path: Path, data: st.DataObject) -> None:
    """C1-C12, faults 6.14."""
    text = bytearray(STARTER.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + data.draw(st.integers(0, 5))] = data.draw(
            st.sampled_from([b"", b":", b"- ", b"[", b"}", b"\n", b"&a ", b"*a", b"'", b"{", b"no", b"\xff"])
        )
    try:
        load(write(tmp_path, bytes(text)))
    except ConfigError as error:
        assert error.problems  # noqa: PT017 - either outcome is right
