"""The words of `absolute storm`: what it tells, how it ends, how a broken seed is seen again."""

import json
from unittest.mock import patch

import pytest

from absolute.cli.main import status_of
from absolute.engine.departure import Departure

COMMANDS = (("storm", "absolute.cli.storm:app", "Try to break the live path."),)


def storm(capsys, *words):
    """Run the command; its exit status and what it printed."""
    status = status_of(["storm", *words], commands=COMMANDS)
    return status, capsys.readouterr().out


@pytest.fixture
def broken():
    """A core that never waits before it tries again: the storm must see it."""
    with patch.object(Departure, "failed", lambda self, now: None):
        yield


def test_a_campaign_tells_what_it_played_and_what_came_up(capsys):
    status, out = storm(capsys, "--schedules", "30", "--jobs", "1", "--json")
    told = json.loads(out)
    assert status == 0
    assert (told["schedules"], told["violations"], told["broken"]) == (30, 0, [])
    assert told["events"] > 5_000
    assert told["schedules_per_minute"] > 0
    assert told["faults"]["crash"] > 0
    assert told["order_steps"]["in_flight accept"] > 0


def test_a_campaign_reads_well(capsys):
    status, out = storm(capsys, "--schedules", "5", "--jobs", "1")
    assert status == 0
    assert "0 violations" in out


def test_a_broken_invariant_is_told_with_the_command_that_shows_it(capsys, broken):
    status, out = storm(capsys, "--schedules", "60", "--jobs", "1", "--json")
    told = json.loads(out)
    assert status == 1
    assert told["violations"] == len(told["broken"]) > 0
    first = told["broken"][0]
    assert first["invariant"] == "V16"
    assert first["replay"].endswith(f"storm --replay {first['seed']}")
    status, out = storm(capsys, "--replay", str(first["seed"]))
    assert status == 1
    assert out.splitlines()[-1].startswith(f"Seed {first['seed']} breaks V16")


def test_a_replay_tells_every_event(capsys):
    status, out = storm(capsys, "--replay", "3", "--json")
    told = json.loads(out)
    assert status == 0
    assert any("-> SendOrder" in line for line in told["trace"])


def test_a_replay_and_kills_do_not_go_together(capsys):
    assert storm(capsys, "--replay", "3", "--kills", "1")[0] == 2
