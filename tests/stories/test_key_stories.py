"""A key is tested before it trades: the box is asked over its socket, in the venues' own words."""

import os

import pytest

from absolute.desk.box import box_process
from absolute.desk.clock import ManualClock
from absolute.desk.keyring_door import system_keyring
from absolute.desk.keys import KeyDesk, place_of
from absolute.desk.security_log import SecurityLog, verify
from absolute.domain.errors import UserError
from absolute.venues.credentials import Credentials
from absolute.venues.vault import create_vault

from tests.unit.test_vault import FLOOR, PASSWORD


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with box_process("--venue", "all", place=tmp_path_factory.mktemp("box")) as state:
        yield state.address


@pytest.fixture
def desk(tmp_path):
    create_vault(tmp_path / "vault.json", PASSWORD, chance=os.urandom, cost=FLOOR)
    log = SecurityLog(tmp_path / "security.log", ManualClock(1), "ana/1")
    return KeyDesk(tmp_path / "vault.json", log, lambda: PASSWORD, system_keyring, FLOOR)


def kept(desk, profile, key, secret=None):
    place = place_of(profile)
    desk.add(place, Credentials(profile, key, secret or f"{key}-secret"))
    return place


@pytest.mark.parametrize("profile", ["bybit:demo", "binance:main", "binanceusdm:demo"])
def test_a_key_that_trades_passes_and_the_source_is_told(desk, box, profile):
    place = kept(desk, profile, f"box-{profile.replace(':', '-')}")
    found, facts = desk.test(place, box)
    assert found.source == "vault"
    assert facts.profile == profile
    assert not facts.withdraws
    assert [each.event for each in verify(desk.log._path)][-2:] == ["key_used", "key_tested"]


@pytest.mark.parametrize("venue", ["bybit", "binance"])
def test_a_key_that_can_withdraw_is_refused(desk, box, venue):
    place = kept(desk, f"{venue}:main", f"box-{venue}-main-withdraw")
    with pytest.raises(UserError) as refused:
        desk.test(place, box)
    assert refused.value.code == "KEY_CAN_WITHDRAW"
    last = list(verify(desk.log._path))[-1]
    assert (last.event, last.told["code"]) == ("key_refused", "KEY_CAN_WITHDRAW")


@pytest.mark.parametrize("venue", ["bybit", "binance"])
def test_a_key_that_only_reads_is_told_so(desk, box, venue):
    _, facts = desk.test(kept(desk, f"{venue}:main", f"box-{venue}-main-read"), box)
    assert facts.trades is False
    assert "CANNOT_TRADE" in facts.warnings


@pytest.mark.parametrize("profile", ["bybit:demo", "binance:main"])
def test_a_wrong_secret_is_refused_and_never_shown(desk, box, profile):
    place = kept(desk, profile, f"box-{profile.replace(':', '-')}", secret="n0t-the-s3cret")
    with pytest.raises(UserError) as refused:
        desk.test(place, box)
    assert refused.value.code == "KEY_REFUSED"
    assert "n0t-the-s3cret" not in str(refused.value)
