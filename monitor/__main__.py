"""`python -m monitor`, and the `monitor` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; every error ends here, as one sentence and an exit code."""
    from monitor.cli import run  # noqa: PLC0415 - so that importing this module costs nothing

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
