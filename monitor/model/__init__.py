"""The words of the project as values: frozen, without behaviour that needs a clock, a file or a network.

All times are aware and in UTC. All ids are short strings of [a-z0-9-] unless said otherwise.
"""

from monitor.model.alerts import Alert, AlertKind, Chapter, Delivery, DeliveryState, Hold, Link, Mute, Told
from monitor.model.feeds import Document, Entry, Feed, FeedState, Health, Item, Response, Subscription, Wanted, host
from monitor.model.stages import Changes, History, Poll, Push, Reply
from monitor.model.stories import (
    LIVELY,
    Change,
    Decision,
    Development,
    Evidence,
    Feedback,
    Judgement,
    Match,
    Placement,
    Route,
    Severity,
    Storyline,
    StoryState,
    Terms,
)

__all__ = [
    "LIVELY",
    "Alert",
    "AlertKind",
    "Change",
    "Changes",
    "Chapter",
    "Decision",
    "Delivery",
    "DeliveryState",
    "Development",
    "Document",
    "Entry",
    "Evidence",
    "Feed",
    "FeedState",
    "Feedback",
    "Health",
    "History",
    "Hold",
    "Item",
    "Judgement",
    "Link",
    "Match",
    "Mute",
    "Placement",
    "Poll",
    "Push",
    "Reply",
    "Response",
    "Route",
    "Severity",
    "StoryState",
    "Storyline",
    "Subscription",
    "Terms",
    "Told",
    "Wanted",
    "host",
]
