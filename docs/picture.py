# ruff: noqa: INP001 - a script, not a package
"""Makes docs/demo.svg from what `monitor demo` prints on a terminal: `python docs/picture.py`, a minute and a bit."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

WIDTH, HEIGHT = 100, 60
SHOWN = 4
"""So many alerts are shown whole; how many were left out is said in the picture."""


def main() -> None:
    """Play the demo, draw its beginning and its end."""
    *alerts, summary = [block for block in printed().split("\n\n") if block.strip()]
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text("$ monitor demo\n", "bold green"))
    for alert in alerts[:SHOWN]:
        console.print(Text.from_ansi(alert + "\n"))
    console.print(Text(f"    ... {len(alerts) - SHOWN} more alerts, not in this picture ...\n", "italic bright_black"))
    console.print(Text.from_ansi(summary.strip()))
    Path(__file__).with_name("demo.svg").write_text(drawn(console), encoding="utf-8")


def printed() -> str:
    """All that the demo prints on a terminal."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color"}
    with subprocess.Popen([sys.executable, "-m", "monitor", "demo"], stdout=its, env=environment) as demo:
        os.close(its)
        seen = b""
        try:
            while more := os.read(ours, 65_536):
                seen += more
        except OSError:  # so Linux says that the other side has closed
            pass
    os.close(ours)
    if demo.returncode:
        sys.exit(demo.returncode)
    return seen.decode().replace("\r", "")


def drawn(console: Console) -> str:
    """What was printed, as SVG that loads nothing from elsewhere."""
    template = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    template = template.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")
    template = re.sub(r"<!--.*?-->", "", template, flags=re.DOTALL)
    svg = console.export_svg(title="monitor demo", code_format=template, unique_id="demo")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


if __name__ == "__main__":
    main()
