"""Owns the writing of a tape to a file: whole or not at all, and never over another by accident.

It knows nothing of where the bars come from.
"""

import os
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from absolute.domain.errors import UserError
from absolute.kernels.tape import PRICES, Tape

SUFFIXES: Final = (".parquet", ".csv")
MS_NS: Final = 1_000_000


def write_bars(tape: Tape, path: Path, *, force: bool = False) -> None:
    """Write the bars as Parquet (zstd) or CSV, by the suffix; prices come back exactly.

    Raises UserError DATA_FILE_SUFFIX, DATA_FILE_EXISTS (without `force`) or DATA_FILE_WRITE.
    """
    check_target(path, force=force)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            if path.suffix == ".csv":
                _texts(tape).write_csv(file, datetime_format="%Y-%m-%dT%H:%M:%S%.3fZ")
            else:
                _floats(tape).write_parquet(file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as fault:
        raise UserError(
            "DATA_FILE_WRITE",
            f"The file '{path}' cannot be written ({fault.strerror}); check its folder.",
        ) from None
    finally:
        part.unlink(missing_ok=True)


def check_target(path: Path, *, force: bool) -> None:
    """Refuse a target before any work is done for it; raises as `write_bars`."""
    if path.suffix not in SUFFIXES:
        kinds = ", ".join(SUFFIXES)
        raise UserError(
            "DATA_FILE_SUFFIX", f"'{path}' names no kind of file; end its name in one of: {kinds}."
        )
    if path.is_dir() or (path.exists() and not force):
        raise UserError(
            "DATA_FILE_EXISTS", f"The file '{path}' exists and was kept; add --force to replace it."
        )


def _floats(tape: Tape) -> pl.DataFrame:
    over, under = tape.price_unit.as_integer_ratio()
    prices = {name: getattr(tape, name) * over / under for name in PRICES}
    return pl.DataFrame({"ts": _times(tape), **prices, "volume": tape.volume})


def _texts(tape: Tape) -> pl.DataFrame:
    prices = {name: _decimals(getattr(tape, name), tape.price_unit) for name in PRICES}
    return pl.DataFrame({"ts": _times(tape), **prices, "volume": tape.volume})


def _times(tape: Tape) -> pl.Series:
    """Milliseconds where they hold every time, else nanoseconds."""
    if (tape.ts % MS_NS).any():
        return pl.Series(tape.ts).cast(pl.Datetime("ns", "UTC"))
    return pl.Series(tape.ts // MS_NS).cast(pl.Datetime("ms", "UTC"))


def _decimals(ticks: NDArray[np.int64], unit: Decimal) -> pl.Series:
    """Whole units as plain decimal digits."""
    depth = max(0, -int(unit.as_tuple().exponent))
    scale = 10**depth
    whole, part = np.divmod(ticks * int(unit * scale), scale)
    text = pl.Series(whole).cast(pl.String)
    return text + "." + pl.Series(part).cast(pl.String).str.zfill(depth) if depth else text
