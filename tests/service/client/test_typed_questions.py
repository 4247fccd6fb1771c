"""Events and conditions asked for by values, beside the sentences that say the same."""

import pytest

from forecast.errors import InvalidArgument
from service.client import Client
from sharecast.v1.question_pb2 import (
    COMPARISON_ABOVE,
    COMPARISON_AT_LEAST,
    COMPARISON_AT_MOST,
    COMPARISON_BELOW,
    SPAN_BY,
    SPAN_IN,
    SPAN_THROUGH,
    ConcentrationLimit,
    Condition,
    Event,
    Newcomer,
    Overtakes,
    ShareGiven,
    ShareLimit,
)

ALIBABA, HUAWEI = "Alibaba Cloud", "Huawei Cloud"
EVENTS = {
    "Huawei overtakes Alibaba by 2027Q2": Event(
        overtakes=Overtakes(provider=HUAWEI, rival=ALIBABA), span=SPAN_BY, quarter="2027Q2"
    ),
    "Alibaba leads in 2026Q4": Event(leads="alibaba", span=SPAN_IN, quarter="2026Q4"),
    "Alibaba > 37.25 % in 2026Q2": Event(
        share=ShareLimit(providers=[ALIBABA], comparison=COMPARISON_ABOVE, share=0.3725), span=SPAN_IN, quarter="2026Q2"
    ),
    "Alibaba + Huawei >= 52 % through 2026Q3": Event(
        share=ShareLimit(providers=[ALIBABA, HUAWEI], comparison=COMPARISON_AT_LEAST, share=0.52),
        span=SPAN_THROUGH,
        quarter="2026Q3",
    ),
    "Others <= 30 %": Event(share=ShareLimit(providers=["Others"], comparison=COMPARISON_AT_MOST, share=0.3)),
    "top 2 changes by 2027Q1": Event(top_changes=2, quarter="2027Q1"),
    "HHI < 0.18 in 2026Q1": Event(
        concentration=ConcentrationLimit(comparison=COMPARISON_BELOW, index=0.18), span=SPAN_IN, quarter="2026Q1"
    ),
}
CONDITIONS = {
    "Huawei = 18 % in 2026Q2": Condition(share=ShareGiven(provider=HUAWEI, share=0.18), span=SPAN_IN, quarter="2026Q2"),
    "Others unchanged through 2026Q3": Condition(unchanged="Others", quarter="2026Q3"),
    "Tencent leaves from 2027Q1": Condition(leaves="Tencent", quarter="2027Q1"),
    "new provider Newco takes 5 % from 2026Q2": Condition(
        enters=Newcomer(provider="Newco", share=0.05), quarter="2026Q2"
    ),
    "Alibaba leads in 2026Q1": Condition(event=Event(leads=ALIBABA, span=SPAN_IN, quarter="2026Q1")),
}


def test_values_are_answered_as_the_sentences_that_say_the_same_and_after_them(client: Client) -> None:
    said = client.forecast("cn-cloud", seed=3, events=EVENTS).events
    meant = client.forecast("cn-cloud", seed=3, events=EVENTS.values()).events
    assert meant == said and len(said) == len(EVENTS)
    first, *rest = EVENTS
    mixed = client.forecast("cn-cloud", seed=3, events=[*map(EVENTS.__getitem__, rest), first]).events
    assert mixed == (said[0], *said[1:])
    streamed = next(iter(client.stream_forecasts(["cn-cloud"], seed=3, events=EVENTS.values()))).forecast
    assert streamed is not None and streamed.events == said


@pytest.mark.parametrize("sentence", CONDITIONS)
def test_a_condition_by_value_is_the_one_of_the_sentence(client: Client, sentence: str) -> None:
    said = client.forecast("cn-cloud", seed=3, conditions=[sentence])
    meant = client.forecast("cn-cloud", seed=3, conditions=[CONDITIONS[sentence]])
    assert (meant.mean, meant.conditions) == (said.mean, said.conditions) and said.conditions


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"events": [Event(top_changes=1), Event()]}, "typed_events[1].statement"),
        ({"events": [Event(leads=" ")]}, "typed_events[0].leads"),
        ({"events": [Event(leads="Nobody")]}, "typed_events[0]"),
        ({"events": [Event(leads=ALIBABA, quarter="2026")]}, "typed_events[0].quarter"),
        ({"events": [Event(leads=ALIBABA, quarter="2099Q1")]}, "typed_events[0]"),
        ({"events": [Event(leads=ALIBABA, span=SPAN_IN)]}, "typed_events[0].quarter"),
        ({"events": [Event(overtakes=Overtakes(provider=HUAWEI))]}, "typed_events[0].overtakes.rival"),
        (
            {"events": [Event(share=ShareLimit(providers=[HUAWEI], share=0.4))]},
            "typed_events[0].share.comparison",
        ),
        (
            {"events": [Event(share=ShareLimit(comparison=COMPARISON_ABOVE))]},
            "typed_events[0].share.providers[0]",
        ),
        (
            {"events": [Event(share=ShareLimit(providers=[HUAWEI], comparison=COMPARISON_ABOVE, share=40))]},
            "typed_events[0]",
        ),
        ({"events": [Event(top_changes=-3)]}, "typed_events[0]"),
        ({"events": [Event(top_changes=1)] * 101}, "events"),
        ({"conditions": [Condition()]}, "typed_conditions[0].condition"),
        ({"conditions": [Condition(unchanged="Others", span=SPAN_BY)]}, "typed_conditions[0].span"),
        ({"conditions": [Condition(event=Event(leads=""))]}, "typed_conditions[0].event.leads"),
        ({"conditions": [Condition(enters=Newcomer(share=1.5))]}, "typed_conditions[0]"),
    ],
)
def test_a_value_that_says_nothing_is_refused_by_its_place(
    client: Client, asked: dict[str, list[object]], field: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        client.forecast("cn-cloud", **asked)  # type: ignore[arg-type]
    assert caught.value.field == field
