"""Where a user's figures are kept: SQLite in one file, or PostgreSQL by URL."""

from service.store.store import Store, open_store

__all__ = ["Store", "open_store"]
