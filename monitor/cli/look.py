"""Where commands look things up: the store of the configuration, which looking does not make."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from monitor.config import Config
from monitor.store import Store, exists


@contextmanager
def opened(config: Config) -> Iterator[Store]:
    """The store; where there is none yet, an empty one that leaves no trace.

    A store that root made by looking would be root's, and the daemon could not write to it. Raises StoreError.
    """
    with ExitStack() as stack:
        url = config.store
        if not exists(url):
            url = f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory(prefix='monitor-'))}/empty.db"
        store = Store.open(url)
        stack.callback(store.close)
        yield store
