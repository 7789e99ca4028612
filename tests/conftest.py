"""What all tests have in common."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So a shell starts what it puts into the background, and children inherit it; what Ctrl-C does could not be tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)
