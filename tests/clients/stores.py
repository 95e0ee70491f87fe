"""The stores that clients are tried over: in the gate the folder alone."""

import pytest

over_both_stores = pytest.mark.parametrize(
    "server", ["folder", pytest.param("aws", marks=pytest.mark.slow)], indirect=True
)
