"""Bots that are really killed lose no fill, double no order and leave nothing behind."""

import json

import pytest

from absolute.desk.kills import POINTS, run_kills

KILLS = 200
EACH_POINT_LEAST = 5


@pytest.mark.slow
@pytest.mark.alone
def test_two_hundred_bots_killed_at_every_point_lose_double_and_orphan_nothing():
    found = run_kills(KILLS, seed=20)
    assert not found["failed"], json.dumps(found)
    assert found["kills"] == KILLS
    wrong = {
        name: found[name]
        for name in ("lost_fills", "double_orders", "orphans", "wrong_money", "unsettled")
    }
    assert wrong == dict.fromkeys(wrong, 0), json.dumps(found)
    points = found["points"]
    assert isinstance(points, dict)
    assert {point for point in POINTS if points.get(point, 0) >= EACH_POINT_LEAST} == set(POINTS)
    assert int(str(found["fills"])) > 20
