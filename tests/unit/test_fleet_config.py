"""Keys come from the environment, then the vault, then a plain file that was asked for; and it says
which. Nothing real is touched where nothing was configured.
"""

import asyncio
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from absolute.desk.keys import key_desk, place_of
from absolute.desk.powertrader import MultiExchangeManager, config_utils, fresh_client_id
from absolute.desk.powertrader_config import ExchangeConfigManager
from absolute.desk.powertrader_exchanges import ExchangeFactory, KrakenExchange, RobinhoodExchange
from absolute.desk.powertrader_orders import FileOrderLog
from absolute.desk.powertrader_settings import PowerTraderHub
from absolute.domain.errors import JournalError, UserError
from absolute.domain.units import Nanos
from absolute.venues.credentials import Credentials
from absolute.venues.fleet_errors import ExchangeUnavailable
from absolute.venues.fleet_terms import OrderRequest, SentOrder, wanted
from absolute.venues.vault_format import Cost

KEYS = {"api_key": "k", "api_secret": "s"}


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """An empty home and folder, and no word in the environment that would mean anything."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ABSOLUTE_HOME", str(tmp_path / "home"))
    for name in ("ABSOLUTE_BOX", "ABSOLUTE_PLAIN_KEYS", "ABSOLUTE_PUBLIC_DATA", "ABSOLUTE_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("KRAKEN_API_KEY", "KRAKEN_API_SECRET"):
        monkeypatch.delenv(name, raising=False)


def with_vault(tmp_path, monkeypatch):
    """A vault that opens with a password file, and holds a Kraken key."""
    file = tmp_path / "password"
    file.write_text("a long enough password")
    file.chmod(0o600)
    monkeypatch.setenv("VAULT_PASSWORD_FILE", str(file))
    desk = replace(key_desk(), cost=Cost(64 * 1024, 3, 1))
    desk.add(place_of("kraken:main"), Credentials("kraken:main", "vk", "vs"))


# --- sources --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_first_place_that_has_the_key_serves_and_is_named(tmp_path, monkeypatch):
    manager = ExchangeConfigManager(allow_plain=True)
    assert manager.load_exchange_config("kraken") == {}
    assert (manager.config_source("kraken"), manager.validate_config("kraken")) == (None, False)
    manager.save_exchange_config("kraken", KEYS)
    assert manager.config_source("kraken") == "plain file kraken_config.json"
    with_vault(tmp_path, monkeypatch)
    manager = ExchangeConfigManager(allow_plain=True)
    assert manager.config_source("kraken") == "vault"
    assert manager.load_exchange_config("kraken")["api_key"] == "vk"
    monkeypatch.setenv("KRAKEN_API_KEY", "ek")
    monkeypatch.setenv("KRAKEN_API_SECRET", "es")
    assert manager.config_source("kraken") == "environment"
    assert manager.load_exchange_config("kraken") == {"api_key": "ek", "api_secret": "es"}


@pytest.mark.slow
def test_saving_goes_into_a_vault_that_opens_and_nothing_lies_open(tmp_path, monkeypatch):
    with_vault(tmp_path, monkeypatch)
    manager = ExchangeConfigManager()
    manager.save_exchange_config("bybit:demo", {**KEYS, "note": "mine"})
    assert manager.config_source("bybit:demo") == "vault"
    assert manager.load_exchange_config("bybit:demo") == {**KEYS, "note": "mine"}
    files = list((tmp_path / "credentials").iterdir())
    assert [each.name for each in files] == ["bybit_demo_settings.json"]
    assert "api" not in files[0].read_text()
    assert set(manager.get_configured_exchanges()) == {"kraken", "bybit:demo"}
    manager.delete_exchange_config("bybit:demo")
    assert manager.get_configured_exchanges() == ["kraken"]


def test_a_plain_file_is_refused_unless_it_was_asked_for(tmp_path):
    ExchangeConfigManager(allow_plain=True).save_exchange_config("kraken", KEYS)
    careful = ExchangeConfigManager()
    with pytest.raises(UserError, match="holds keys in plain text") as refused:
        careful.load_exchange_config("kraken")
    assert refused.value.code == "PLAIN_KEYS_REFUSED"
    with pytest.raises(UserError, match="were not saved") as unsaved:
        careful.save_exchange_config("coinbase", KEYS)
    assert unsaved.value.code == "KEYS_NOT_SAVED"
    assert not (tmp_path / "credentials" / "coinbase_config.json").exists()


def test_a_plain_file_others_can_read_is_refused(tmp_path):
    manager = ExchangeConfigManager(allow_plain=True)
    manager.save_exchange_config("kraken", KEYS)
    path = tmp_path / "credentials" / "kraken_config.json"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(UserError, match="chmod 600"):
        manager.load_exchange_config("kraken")


def test_a_configuration_is_deleted_with_its_backup(tmp_path):
    manager = ExchangeConfigManager(allow_plain=True)
    for secret in ("s1", "s2"):
        manager.save_exchange_config("kraken", {**KEYS, "api_secret": secret})
    manager.delete_exchange_config("kraken")
    assert list((tmp_path / "credentials").iterdir()) == []
    assert manager.get_configured_exchanges() == []


@pytest.mark.parametrize(
    ("name", "config", "valid"),
    [
        ("kraken", KEYS, True),
        ("kraken", {"api_key": "k"}, False),
        ("kraken", {"api_key": "k", "api_secret": "  "}, False),
        ("okx", KEYS, False),
        ("okx", {**KEYS, "api_passphrase": "p"}, True),
        ("robinhood", KEYS, True),
        ("robinhood", {"username": "u", "password": "p"}, False),
    ],
)
def test_a_configuration_is_valid_with_what_its_exchange_needs(name, config, valid):
    assert config_utils.validate_exchange_config(name, config) is valid
    assert (config_utils.explain_exchange_config(name, config) is None) is valid


def test_robinhoods_password_form_is_answered_wherever_it_is_given():
    password_form = {"username": "u", "password": "p"}
    for act in (
        lambda: RobinhoodExchange(password_form),
        lambda: ExchangeFactory.create_exchange("robinhood", password_form),
        lambda: ExchangeConfigManager(allow_plain=True).save_exchange_config(
            "robinhood", password_form
        ),
    ):
        with pytest.raises(UserError) as refused:
            act()
        assert refused.value.code == "ROBINHOOD_PASSWORD"


# --- nothing by itself ----------------------------------------------------------------------------


def test_unconfigured_nothing_is_usable_and_it_says_what_to_do():
    manager = MultiExchangeManager()
    assert manager.get_available_exchanges() == []
    status = manager.get_system_status()
    assert (status["overall"], status["available_count"]) == ("unconfigured", 0)
    told = manager.get_exchange_status()["kraken"]
    assert told["status"] == "unconfigured"
    assert "ABSOLUTE_BOX=1" in told["detail"]
    with pytest.raises(ExchangeUnavailable, match="absolute keys add kraken:main"):
        asyncio.run(manager.get_market_data("BTC-USD", "kraken"))
    with pytest.raises(ExchangeUnavailable, match="no exchange is configured"):
        asyncio.run(manager.place_order(OrderRequest("BTC-USD", "buy", 1.0, "market")))
    with pytest.raises(ExchangeUnavailable, match="not configured"):
        KrakenExchange()


def test_real_money_needs_its_phrase_besides_the_keys(monkeypatch):
    for given, may in (("", False), ("yes", False), ("Trade real money on kraken", True)):
        exchange = KrakenExchange({**KEYS, "allow_orders": given})
        assert exchange._access.may_trade is may
    demo = ExchangeFactory.create_exchange("bybit:demo", KEYS)
    assert demo._access.may_trade is True  # type: ignore[attr-defined]


def test_an_exchange_outside_the_region_is_not_used(monkeypatch):
    monkeypatch.setenv("ABSOLUTE_PUBLIC_DATA", "1")
    manager = MultiExchangeManager()
    assert manager.region == "us"
    assert manager.get_available_exchanges() == ["kraken", "coinbase", "bitstamp"]
    with pytest.raises(ExchangeUnavailable, match="does not serve the region us"):
        asyncio.run(manager.get_market_data("BTC-USD", "binance"))
    with pytest.raises(UserError, match="no exchange that is known here"):
        asyncio.run(manager.get_market_data("BTC-USD", "mtgox"))


def test_the_box_that_is_named_must_run(monkeypatch, tmp_path):
    monkeypatch.setenv("ABSOLUTE_BOX", str(tmp_path))
    with pytest.raises(UserError) as missing:
        MultiExchangeManager().get_available_exchanges()
    assert missing.value.code == "BOX_NOT_RUNNING"


def test_a_class_that_is_no_exchange_is_not_registered():
    with pytest.raises(UserError, match="must be a subclass of AbstractExchange"):
        ExchangeFactory.register_exchange("odd", dict)


# --- settings and orders --------------------------------------------------------------------------


def test_settings_come_from_the_file_that_is_named(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"region": "eu", "coins": ["SOL"]}))
    hub = PowerTraderHub(str(file))
    assert (hub.settings["region"], hub.settings["coins"]) == ("eu", ["SOL"])
    assert hub.settings["trade_start_level"] == 3
    for broken in ("[]", "{"):
        file.write_text(broken)
        with pytest.raises(UserError, match="mend or remove"):
            PowerTraderHub(str(file))


def test_client_ids_are_new_and_fit_every_exchange():
    ids = {fresh_client_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(each.isalnum() and len(each) <= 32 for each in ids)


def sent(client_id: str) -> SentOrder:
    request = OrderRequest("BTC-USD", "sell", 0.1, "stop_limit", 5.5, stop_price=6.5)
    return SentOrder("kraken", client_id, wanted(request), Nanos(7))


def test_orders_in_doubt_outlive_the_program(tmp_path):
    path = tmp_path / "new" / "orders.jsonl"
    log = FileOrderLog(path)
    assert log.unsettled() == []
    for client_id in ("a", "b", "c"):
        log.sent(sent(client_id))
    log.settled("b", "placed")
    assert FileOrderLog(path).unsettled() == [sent("a"), sent("c")]
    assert path.stat().st_mode & 0o777 == 0o600


def test_one_program_at_a_time_sends_orders_from_a_folder(tmp_path):
    log = FileOrderLog(tmp_path / "orders.jsonl")
    log.claim()
    FileOrderLog(tmp_path / "orders.jsonl").claim()  # another manager of the same program
    text = (
        "import sys; from pathlib import Path; "
        "from absolute.desk.powertrader_orders import FileOrderLog; "
        "FileOrderLog(Path(sys.argv[1])).claim()"
    )
    command = [sys.executable, "-c", text, str(tmp_path / "orders.jsonl")]
    other = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert other.returncode == 1
    assert "Another program sends orders" in other.stderr


@pytest.mark.parametrize("torn", ["{", '{"sent": {"exchange"', '{"settled": "a", "out'])
def test_a_torn_last_line_is_an_order_that_never_left(tmp_path, torn):
    path = tmp_path / "orders.jsonl"
    log = FileOrderLog(path)
    log.sent(sent("a"))
    with path.open("a") as file:
        file.write(torn)
    assert log.unsettled() == [sent("a")]
    log.sent(sent("b"))
    assert FileOrderLog(path).unsettled() == [sent("a"), sent("b")]


def test_damage_in_the_middle_is_not_passed_over(tmp_path):
    path = tmp_path / "orders.jsonl"
    log = FileOrderLog(path)
    log.sent(sent("a"))
    path.write_text("nonsense\n" + path.read_text())
    with pytest.raises(JournalError, match="line 1"):
        log.unsettled()
