"""A store of each kind."""

from collections.abc import Iterator

import pytest

from engine.store import Store, open_store
from tests.store.rows import fill


@pytest.fixture
def empty_store(database_url: str) -> Iterator[Store]:
    """A database without any table."""
    store = open_store(database_url)
    yield store
    store.engine.dispose()


@pytest.fixture
def bare_store(migrated_url: str) -> Iterator[Store]:
    """A database with the schema in it and no row."""
    store = open_store(migrated_url)
    yield store
    store.engine.dispose()


@pytest.fixture
def store(bare_store: Store) -> Store:
    """A database with one row of each kind."""
    fill(bare_store)
    return bare_store
