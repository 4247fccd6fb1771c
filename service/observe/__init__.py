"""What the server tells those who run it."""

from service.observe.observer import Observer

__all__ = ["Observer"]
