"""Every planted mistake is found: a storm that finds nothing proves nothing."""

from unittest.mock import patch

import pytest

from absolute.desk.storm_run import Schedule

from tests.storm.mutants import MUTANTS

AROUND = 60
"""If the known seed no longer kills, so many from zero on must."""


def killed(seed: int) -> bool:
    """Whether a schedule breaks an invariant."""
    return bool(Schedule(seed).run().invariant)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_mistake_is_found(name):
    mutant, seed = MUTANTS[name]
    assert not killed(seed), "the seed must be sound where nothing is planted"
    with_patches: list = []

    def plant(where, what, instead):
        patched = patch.object(where, what, instead)
        patched.start()
        with_patches.append(patched)

    try:
        mutant(plant)
        found = killed(seed) or any(killed(each) for each in range(AROUND))
    finally:
        for patched in reversed(with_patches):
            patched.stop()
    assert found, f"{name} lives: the storm is blind to it"


def test_there_are_many_of_them():
    assert len(MUTANTS) >= 60
