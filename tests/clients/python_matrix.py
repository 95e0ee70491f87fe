"""Which of Python's clients the gate runs, and which the whole matrix: the others are slow."""

from collections.abc import Iterable

import pytest

from tests.clients.python import INSTALLERS, PUBLISHERS

#: What most people use.
_GATE = ("twine", "uv", "pip", "uv-pip")


def _over_one_store(clients: Iterable[str]) -> list[object]:
    return [
        pytest.param(client, marks=[] if client in _GATE else [pytest.mark.slow])
        for client in clients
    ]


def _over_both_stores(clients: Iterable[str]) -> list[object]:
    return [
        pytest.param(
            client,
            store,
            marks=[] if client in _GATE and store == "folder" else [pytest.mark.slow],
        )
        for client in clients
        for store in ("folder", "aws")
    ]


each_publisher = pytest.mark.parametrize("client", _over_one_store(PUBLISHERS))
each_installer = pytest.mark.parametrize("client", _over_one_store(INSTALLERS))
each_publisher_over_both_stores = pytest.mark.parametrize(
    "client,server", _over_both_stores(PUBLISHERS), indirect=["server"]
)
each_installer_over_both_stores = pytest.mark.parametrize(
    "client,server", _over_both_stores(INSTALLERS), indirect=["server"]
)
