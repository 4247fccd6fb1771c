"""Events and conditions that are asked for by values in place of sentences: read into what a sentence is read into."""

from typing import TYPE_CHECKING

from forecast.errors import InvalidArgument
from forecast.quarter import Quarter
from service.queries import MOST_CONDITIONS, MOST_EVENTS
from sharecast.v1 import question_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forecast.grammar import Asked, Form, Phrase, Sign

_SPANS = {
    question_pb2.SPAN_IN: "in",
    question_pb2.SPAN_BY: "by",
    question_pb2.SPAN_THROUGH: "through",
}


def only_texts(asked: "Sequence[Asked]", /) -> list[str]:
    """What a caller asks in sentences; those that were read are a server's."""
    return [text for text in asked if isinstance(text, str)]


def read_events(
    texts: "Sequence[str]", values: "Sequence[question_pb2.Event]" = (), /, within: str = ""
) -> "tuple[Asked, ...]":
    """Read the events asked for: the sentences, then the values.

    Raises:
        InvalidArgument: there are too many, or a value is incomplete; names it as ``typed_events[0].leads``.
    """
    _check_count(len(texts) + len(values), f"{within}events", MOST_EVENTS, "events")
    return (*texts, *(_event(value, f"{within}typed_events[{number}]") for number, value in enumerate(values)))


def read_conditions(
    texts: "Sequence[str]", values: "Sequence[question_pb2.Condition]" = (), /, within: str = ""
) -> "tuple[Asked, ...]":
    """The same for conditions."""
    _check_count(len(texts) + len(values), f"{within}conditions", MOST_CONDITIONS, "conditions")
    return (*texts, *(_condition(value, f"{within}typed_conditions[{number}]") for number, value in enumerate(values)))


def _check_count(count: int, field: str, most: int, noun: str) -> None:
    if count > most:
        raise InvalidArgument(field, count, f"{most} at most", f"has {count} {noun}")


def _event(value: question_pb2.Event, field: str) -> "Phrase":
    from forecast.grammar import Form, Sign

    kind = value.WhichOneof("statement")
    when = _SPANS.get(value.span, "by")
    form, subject, said, sign, overtakes = Form.COMPARES, "", "", None, False
    match kind:
        case "overtakes":
            subject = _name(value.overtakes.provider, f"{field}.overtakes.provider")
            said = _name(value.overtakes.rival, f"{field}.overtakes.rival")
            sign, overtakes = Sign.ABOVE, True
        case "leads":
            form, subject = Form.LEADS, _name(value.leads, f"{field}.leads")
        case "share":
            names = value.share.providers or [""]
            subject = " + ".join(_name(name, f"{field}.share.providers[{n}]") for n, name in enumerate(names))
            said, sign = _per_cent(value.share.share), _sign(value.share.comparison, f"{field}.share.comparison")
        case "top_changes":
            form, said = Form.TOP, str(value.top_changes)
        case "concentration":
            limit = value.concentration
            subject, said = "HHI", f"{limit.index:.10g}"
            sign = _sign(limit.comparison, f"{field}.concentration.comparison")
            if not 0.0 <= limit.index <= 1.0:
                raise InvalidArgument(f"{field}.concentration.index", limit.index, "0 to 1")
        case _:
            raise InvalidArgument(
                f"{field}.statement", "", "one of overtakes, leads, share, top_changes, concentration"
            )
    return _phrase(field, form, subject, said, sign, when, value.quarter, value.span, overtakes=overtakes)


def _condition(value: question_pb2.Condition, field: str) -> "Phrase":
    from forecast.grammar import Form

    kind = value.WhichOneof("condition")
    when = _SPANS.get(value.span, "through")
    subject = said = ""
    match kind:
        case "event":
            return _event(value.event, f"{field}.event")
        case "share":
            form, subject = Form.GIVEN, _name(value.share.provider, f"{field}.share.provider")
            said = _per_cent(value.share.share)
        case "unchanged":
            form, subject = Form.UNCHANGED, _name(value.unchanged, f"{field}.unchanged")
        case "leaves":
            form, subject, when = Form.LEAVES, _name(value.leaves, f"{field}.leaves"), "from"
        case "enters":
            form, subject, said, when = Form.ENTERS, value.enters.provider, _per_cent(value.enters.share), "from"
        case _:
            raise InvalidArgument(f"{field}.condition", "", "one of share, unchanged, leaves, enters, event")
    if when == "by":
        raise InvalidArgument(f"{field}.span", "SPAN_BY", "SPAN_IN or SPAN_THROUGH of a share that is given")
    return _phrase(field, form, subject, said, None, when, value.quarter, value.span)


def _phrase(
    field: str,
    form: "Form",
    subject: str,
    said: str,
    sign: "Sign | None",
    when: str,
    quarter: str,
    span: int,
    *,
    overtakes: bool = False,
) -> "Phrase":
    from forecast.grammar import Form, Phrase
    from forecast.wording import Source

    if not quarter and span == question_pb2.SPAN_IN:
        raise InvalidArgument(f"{field}.quarter", "", "a quarter such as 2026Q4")
    found = Quarter.parse(quarter, f"{field}.quarter") if quarter else None
    words = {
        Form.LEADS: f"{subject} leads",
        Form.TOP: f"top {said} changes",
        Form.GIVEN: f"{subject} = {said}",
        Form.UNCHANGED: f"{subject} unchanged",
        Form.LEAVES: f"{subject} leaves",
        Form.ENTERS: f"new provider {subject} takes {said}",
    }.get(form, f"{subject} {'overtakes' if overtakes else sign} {said}")
    text = words if found is None else f"{words} {when} {found}"
    return Phrase(Source(field, text), form, subject, said, sign, overtakes, "" if found is None else when, found)


def _name(name: str, field: str) -> str:
    if not name.strip():
        raise InvalidArgument(field, name, "the name of a provider")
    return name


def _per_cent(share: float) -> str:
    return f"{100.0 * share:.12g} %"


def _sign(comparison: int, field: str) -> "Sign":
    from forecast.grammar import Sign

    order = (Sign.ABOVE, Sign.AT_LEAST, Sign.BELOW, Sign.AT_MOST)
    signs = dict(zip(question_pb2.Comparison.values()[1:], order, strict=True))
    if comparison not in signs:
        raise InvalidArgument(field, comparison, "COMPARISON_ABOVE, _AT_LEAST, _BELOW or _AT_MOST")
    return signs[comparison]
