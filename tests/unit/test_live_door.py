"""A key is asked for its rights before a run may use it."""

import asyncio

import pytest

from absolute.desk.box import BoxWanted, running_box
from absolute.desk.clock import SteadyClock, generator
from absolute.desk.live_door import allow_key
from absolute.domain.errors import UserError
from absolute.venues.credentials import Credentials
from absolute.venues.parts import Surroundings
from absolute.venues.profile_table import profile


def allowed(tmp_path, name: str, suffix: str) -> None:
    async def main():
        async with running_box(BoxWanted(name.partition(":")[0]), tmp_path) as box:
            told = box.state.keys[name]["key"] + suffix
            keys = Credentials(name, told, f"{told}-secret")
            around = Surroundings(SteadyClock(), generator(1), box=box.state.address)
            await allow_key(profile(name), keys, around)

    asyncio.run(main())


@pytest.mark.parametrize("name", ["bybit:main", "binance:main"])
def test_a_key_that_may_withdraw_or_may_not_trade_never_begins_a_run(tmp_path, name):
    allowed(tmp_path, name, "")
    for suffix, code in (("-withdraw", "KEY_CAN_WITHDRAW"), ("-read", "KEY_CANNOT_TRADE")):
        with pytest.raises(UserError) as refused:
            allowed(tmp_path, name, suffix)
        assert refused.value.code == code
