"""How every test runs: drawn cases are the same in every run, unless someone goes exploring.

`ABSOLUTE_HYPOTHESIS=explore absolute test` draws new ones, and many more of them.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

from absolute.desk.language import set_language

# The wrapper tells how it was called; the tests speak for themselves.
os.environ.pop("ABSOLUTE_CALLED_AS", None)


settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,  # the first call of a kernel compiles it
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "explore", settings.get_profile("ci"), derandomize=False, max_examples=2_000
)
settings.load_profile(os.environ.get("ABSOLUTE_HYPOTHESIS", "ci"))


@pytest.fixture(autouse=True)
def _english():
    """Every test starts in English, whatever the system or the test before it speaks."""
    set_language("en")
    yield
    set_language("en")
