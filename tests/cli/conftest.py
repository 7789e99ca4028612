"""What the commands that go to the web are tested against: the server of the feeds' tests."""

from tests.feeds.conftest import serve

__all__ = ["serve"]
