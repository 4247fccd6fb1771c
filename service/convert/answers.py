"""Events and conditions."""

from typing import TYPE_CHECKING

from service.results import ConditionResult, EventResult
from sharecast.v1 import answer_pb2

if TYPE_CHECKING:
    from forecast.conditions import Plausibility
    from forecast.events import EventProbability


def event_message(found: "EventProbability", /) -> answer_pb2.EventProbability:
    """Write how probable an event is."""
    return answer_pb2.EventProbability(
        event=str(found.event),
        probability=found.probability,
        standard_error=found.standard_error,
        draws=found.draws,
        at_origin=found.at_origin,
        reference=found.reference,
    )


def read_event(message: answer_pb2.EventProbability, /) -> EventResult:
    """Read how probable an event is."""
    return EventResult(
        event=message.event,
        probability=message.probability,
        standard_error=message.standard_error,
        draws=message.draws,
        at_origin=message.at_origin,
        reference=message.reference,
    )


def condition_message(found: "Plausibility", /) -> answer_pb2.ConditionPlausibility:
    """Write how a condition stands to the forecast without it."""
    return answer_pb2.ConditionPlausibility(
        condition=str(found.condition), probability=found.probability, statement=found.statement
    )


def read_condition(message: answer_pb2.ConditionPlausibility, /) -> ConditionResult:
    """Read how a condition stands to the forecast without it."""
    return ConditionResult(
        condition=message.condition,
        probability=message.probability if message.HasField("probability") else None,
        statement=message.statement,
    )
