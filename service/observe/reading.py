"""A number for Prometheus; apart from its client library, which only servers that are asked for metrics load."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """A number that something else keeps."""

    name: str  # of a counter without its "_total"
    help: str
    value: float
    counter: bool = False  # only grows; else a gauge
    labels: tuple[tuple[str, str], ...] = ()
