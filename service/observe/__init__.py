"""What the server tells those who run it."""

from service.observe.log import set_up_log
from service.observe.observer import Observer
from service.observe.probes import observed, observed_stream
from service.observe.reading import Reading
from service.observe.tracing import spans_if_installed

__all__ = ["Observer", "Reading", "observed", "observed_stream", "set_up_log", "spans_if_installed"]
