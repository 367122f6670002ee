"""Owns the back-test driver: it jumps from one bar that can matter to the next.

Between two events nothing happens, so the bars between are not looked at. With `skip` off every
bar is walked; the events must be the same, and a test holds that.
"""

from absolute.engine.ports import Feed
from absolute.engine.session import Session


def replay(feed: Feed, session: Session, *, skip: bool = True) -> int:
    """Run a session over a whole tape; returns how many bars were walked."""
    end = len(feed)
    if not end:
        return 0
    session.start(feed.row(0))
    number = walked = 0
    while number < end:
        session.visit(feed.row(number))
        walked += 1
        number = _next(feed, session, number + 1) if skip else number + 1
    return walked


def _next(feed: Feed, session: Session, start: int) -> int:
    """The next bar at which a price level, a message or a timer can matter."""
    venue = session.venue
    if venue.next_bar_matters():
        return start
    found = feed.first(start, venue.levels(), venue.mark_levels())
    due = venue.next_time()
    if due is not None:
        found = min(found, max(start, feed.at_time(due)))
    if session.agenda is not None and (closing := session.agenda.next(start)) is not None:
        found = min(found, closing)
    timer = session.engine.strategy.wakes.timer
    if timer is not None:
        found = min(found, max(start, feed.opening(timer)))
    return found
