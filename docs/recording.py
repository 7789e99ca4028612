# ruff: noqa: INP001, S603 - a script, not a package
"""Makes docs/demo.svg: `monitor demo` as it appears on a terminal, in 20 seconds, as a picture that moves. `python -m docs.recording`."""

from __future__ import annotations

import codecs
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).with_name("demo.svg")
SECONDS = 20
"""That the story's week takes."""
WIDTH, HEIGHT = 100, 30
"""Letters in a line, and lines that are seen at a time."""
_LINE, _LETTER = 24.4, 12.2
"""How high Rich draws a line, and how wide a letter."""
_FIRST = 1.0
"""When the first line appears: the baseline before it is nothing to look at."""
_AT_ONCE = 0.5
"""Seconds within which lines appear together."""
_PAUSE = 5.0
"""Seconds at the end, before it begins anew."""
_EDGE = 12
_HEAD = 44
_FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>monitor demo, in twenty seconds</title>
<style>
.{{unique_id}}-matrix {{{{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {{char_height}}px; line-height: {{line_height}}px; }}}}
{{styles}}
.screen {{{{ animation: up {seconds:.1f}s linear infinite; }}}}
{rules}
@media (prefers-reduced-motion: reduce) {{{{ .screen {{{{ animation: none; transform: translateY({end:.1f}px); }}}} .screen g {{{{ animation: none !important; opacity: 1 !important; }}}} }}}}
</style>
<defs>
<clipPath id="window"><rect x="0" y="0" width="{width}" height="{inner:.1f}"/></clipPath>
{{lines}}
</defs>
<rect fill="#292929" stroke="rgba(255,255,255,0.35)" x="1" y="1" width="{across}" height="{outer}" rx="8"/>
<g fill="none"><circle cx="22" cy="20" r="6" fill="#ff5f57"/><circle cx="44" cy="20" r="6" fill="#febc2e"/><circle cx="66" cy="20" r="6" fill="#28c840"/></g>
<g transform="translate({edge}, {head})" clip-path="url(#window)"><g class="screen"><g class="{{unique_id}}-matrix">
{{matrix}}
</g></g></g>
</svg>
"""


def main() -> None:
    """Play the demo, note when each line came, draw it."""
    came = [(0.0, "\x1b[1;32m$ monitor demo\x1b[0m"), (0.0, ""), *recorded()]
    PICTURE.write_text(drawn(came), encoding="utf-8")
    sys.stdout.write(f"{PICTURE} is written: {len(came)} lines in {came[-1][0]:.0f} s.\n")


def recorded() -> list[tuple[float, str]]:
    """The lines that the demo prints, each with the second it came in."""
    came: list[tuple[float, str]] = []
    began, rest = time.monotonic(), ""
    for more in on_a_terminal(["demo", "--seconds", str(SECONDS)], WIDTH, HEIGHT):
        *whole, rest = (rest + more).split("\n")
        came += [(time.monotonic() - began, line.rstrip()) for line in whole]
    early, at = came[0][0] - _FIRST, 0.0
    together: list[tuple[float, str]] = []
    for moment, line in came:
        at = at if together and moment - early - at < _AT_ONCE else moment - early
        together.append((at, line))
    return together


def on_a_terminal(arguments: list[str], width: int, height: int) -> Iterator[str]:
    """What a command prints on a terminal of that size, as it comes."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color"}
    with subprocess.Popen([sys.executable, "-m", "monitor", *arguments], stdout=its, env=environment) as demo:
        os.close(its)
        decoded = codecs.getincrementaldecoder("utf-8")()
        with suppress(OSError):  # so Linux says that the other side has closed
            while more := os.read(ours, 65_536):
                yield decoded.decode(more).replace("\r", "")
    os.close(ours)
    if demo.returncode:
        sys.exit(demo.returncode)


def drawn(came: Sequence[tuple[float, str]]) -> str:
    """SVG in which each line appears when it came, and the older ones make room; it runs and loads nothing."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    moments: list[float] = []
    for at, line in came:
        rows = Text.from_ansi(line).wrap(console, WIDTH) or [Text("")]
        moments += [at] * len(rows)
        for row in rows:
            console.print(row, no_wrap=True, crop=True)
    seconds = moments[-1] + _PAUSE
    inner, width = HEIGHT * _LINE, round(WIDTH * _LETTER) + 2 * _EDGE + 2
    frame = _FRAME.format(
        width=width, across=width - 2, height=round(inner) + _HEAD + _EDGE + 2, outer=round(inner) + _HEAD + _EDGE, inner=inner, edge=_EDGE, head=_HEAD, seconds=seconds,
        rules="\n".join(_rules(moments, seconds)).replace("{", "{{").replace("}", "}}"), end=_up(len(moments)),
    )  # fmt: skip
    svg = console.export_svg(title="monitor demo", code_format=frame, unique_id="demo")
    return "\n".join(line.rstrip() for line in _in_groups(svg, moments).splitlines() if line.strip()) + "\n"


def _rules(moments: Sequence[float], seconds: float) -> Iterator[str]:
    """When each group of lines appears, and how far the screen has moved up by then."""
    steps = []
    for number, at in enumerate(sorted(set(moments))):
        share = 100 * at / seconds
        shown = _up(sum(moment <= at for moment in moments))
        before = _up(sum(moment < at for moment in moments))
        steps += [
            f"{share:.2f}% {{ transform: translateY({before:.1f}px); }}",
            f"{share + 0.6:.2f}% {{ transform: translateY({shown:.1f}px); }}",
        ]
        if at:
            yield f".at{number} {{ animation: at{number} {seconds:.1f}s linear infinite; }}"
            yield f"@keyframes at{number} {{ 0%, {share:.2f}% {{ opacity: 0; }} {share + 0.6:.2f}%, 100% {{ opacity: 1; }} }}"
    yield f"@keyframes up {{ 0% {{ transform: translateY(0px); }} {' '.join(steps)} 100% {{ transform: translateY({_up(len(moments)):.1f}px); }} }}"


def _up(lines: int) -> float:
    return -max(0, lines - HEIGHT) * _LINE


def _in_groups(svg: str, moments: Sequence[float]) -> str:
    """The lines of text, put together by the moment they came."""
    order = {at: number for number, at in enumerate(sorted(set(moments)))}
    groups: dict[int, list[str]] = {}
    texts = list(re.finditer(r'<text [^>]*clip-path="url\(#demo-line-(\d+)\)"[^>]*>.*?</text>', svg))
    for text in texts:
        groups.setdefault(order[moments[min(int(text[1]), len(moments) - 1)]], []).append(text[0])
    matrix = "\n".join(f'<g class="at{number}">{"".join(texts)}</g>' for number, texts in sorted(groups.items()))
    return svg[: texts[0].start()] + matrix + svg[texts[-1].end() :]


if __name__ == "__main__":
    main()
