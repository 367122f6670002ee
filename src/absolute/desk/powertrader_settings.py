"""Owns the settings of the PowerTraderAI+ hub: the documented names with the documented defaults.

`start_allocation_pct` stands as the document prints it; what it means, and what it would do, is the
strategy's business (`absolute powertrader preflight`). It must not know exchanges.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from absolute.desk.home import home
from absolute.desk.language import _
from absolute.domain.errors import UserError

SETTINGS_FILE: Final = "powertrader.json"
SETTINGS_NAME: Final = "ABSOLUTE_POWERTRADER_SETTINGS"

DEFAULTS: Final[Mapping[str, Any]] = {
    "primary_exchange": "robinhood",
    "region": "us",
    "price_comparison_enabled": True,
    "coins": ("BTC", "ETH"),
    "trade_start_level": 3,
    "start_allocation_pct": 5.0,
}


class PowerTraderHub:
    """The settings a program of the document reads: `PowerTraderHub().settings.get("region")`.

    They come from a JSON file: the one named here, else the one ABSOLUTE_POWERTRADER_SETTINGS
    names, else powertrader.json in the folder of this user, else there are only defaults.
    """

    def __init__(self, settings_file: str | None = None) -> None:
        told = settings_file or os.environ.get(SETTINGS_NAME)
        self.settings_file = Path(told) if told else home() / SETTINGS_FILE
        must_exist = told is not None
        self.settings: dict[str, Any] = _defaults() | _read(self.settings_file, must_exist)


def _defaults() -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in DEFAULTS.items()
    }


def _read(path: Path, must_exist: bool) -> dict[str, Any]:
    if not must_exist and not path.exists():
        return {}
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _invalid(path) from error
    if not isinstance(told, dict):
        raise _invalid(path)
    return told


def _invalid(path: Path) -> UserError:
    message = _("The settings {path} cannot be read as a JSON object; mend or remove the file.")
    return UserError("SETTINGS_INVALID", message.format(path=path))
