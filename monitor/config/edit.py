"""Changes to a configuration's file: every character that is not meant stays, and nothing changes unless the outcome is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from monitor.config import checked, files, load, reading
from monitor.config.proposal import Standing, standing
from monitor.errors import ConfigError, MonitorError, Problem


def change(path: Path, new: Callable[[Standing], str]) -> None:
    """Put the text that `new` makes of what stands there into the file at `path`.

    Raises ConfigError with what was wrong before, MonitorError when only the change is, or when the file cannot be written.
    """
    before = text_of(path)
    replace(path, before, new(standing(before, str(path))))


def text_of(path: Path) -> bytes:
    """What stands in the file. Raises ConfigError."""
    try:
        return files.read(path, reading.SIZE_CAP + 1)
    except files.UnreadableError as error:
        said = f"The file cannot be read: {error}; `monitor init` writes one to begin with."
        raise ConfigError([Problem(str(path), 0, said)]) from None


def replace(path: Path, before: bytes, text: str) -> None:
    """Put `text` in the place of `before`, at once. Raises like `change`."""
    after = text.encode()
    try:
        checked(after, path)
    except ConfigError as error:
        load(path)
        raise MonitorError(f"The change does not fit into {path}: {error.problems[0].message}") from None
    try:
        files.replace(path, before, after)
    except OSError as error:
        raise MonitorError(f"{path} cannot be written: {error.strerror}.") from None
    except files.UnreadableError as error:
        raise MonitorError(f"{path} was left as it is: {error}.") from None
