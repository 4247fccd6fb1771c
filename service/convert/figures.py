"""Published figures."""

from collections.abc import Iterable, Mapping
from typing import Any

from forecast.errors import InvalidArgument
from service.convert.parts import (
    check_page_size,
    date_text,
    fitting,
    quarter_text,
    read_date,
    read_number_token,
    read_page_size,
    read_quarter,
    token_text,
)
from service.queries import DEFAULT_FIGURES_PAGE, LARGEST_FIGURES_PAGE, FiguresQuery, parse_date
from service.results import FigureResult, FiguresPage
from sharecast.v1 import figure_pb2
from sharecast.v1.market_service_pb2 import ListFiguresRequest, ListFiguresResponse

_QUALIFIER, _MARK = "FIGURE_QUALIFIER_", "FIGURE_MARK_"


def figures_request(query: FiguresQuery, page_token: str, /) -> ListFiguresRequest:
    """Ask for one page; the token says after which figure, not the query.

    Raises:
        InvalidArgument: a page size that the message cannot carry, or 0, which on the wire stands for the default; or a
            filter by an empty name, which would stand for none.
    """
    check_page_size(query.page_size, LARGEST_FIGURES_PAGE)
    for field, name in (("market", query.market), ("house", query.house), ("provider", query.provider)):
        if name == "":
            raise InvalidArgument(field, name, "a name, or None for every one")
    return ListFiguresRequest(
        market=query.market or "",
        house=query.house or "",
        quarter=quarter_text(query.quarter),
        provider=query.provider or "",
        as_of=date_text(query.as_of),
        page_size=query.page_size,
        page_token=page_token,
    )


def figures_query(request: ListFiguresRequest, /) -> FiguresQuery:
    """Read which figures, and which page of them.

    Raises:
        InvalidArgument: a bad quarter or date, a negative page size, or a token that is not ours or of other filters.
    """
    after = read_number_token(request.page_token, _list(request))
    return FiguresQuery(
        market=request.market or None,
        house=request.house or None,
        quarter=read_quarter(request.quarter, "quarter"),
        provider=request.provider or None,
        as_of=read_date(request.as_of),
        page_size=read_page_size(request.page_size, DEFAULT_FIGURES_PAGE, LARGEST_FIGURES_PAGE),
        after=after,
    )


def figures_response(
    rows: Iterable[Mapping[str, Any]], /, request: ListFiguresRequest, *, more: bool
) -> ListFiguresResponse:
    """Write one page, of fewer rows than given where they are long.

    Args:
        rows: By the columns of `forecast.figures.CURATED_SCHEMA`.
        request: What was asked.
        more: Whether others follow these rows.
    """
    asked = list(rows)
    figures = fitting(map(_figure_message, asked))
    after = str(figures[-1].figure_id) if more or len(figures) < len(asked) else ""
    return ListFiguresResponse(figures=figures, next_page_token=token_text(after, _list(request)))


def figures_page(response: ListFiguresResponse, /) -> FiguresPage:
    """Read one page."""
    return FiguresPage(tuple(_read_figure(figure) for figure in response.figures), response.next_page_token)


def _list(request: ListFiguresRequest) -> str:
    """The list that a page is of."""
    filters = (request.market, request.house, request.quarter, request.provider, request.as_of)
    return "\x1f".join(("ListFigures", *filters))


def _figure_message(row: Mapping[str, Any]) -> figure_pb2.Figure:
    return figure_pb2.Figure(
        figure_id=row["figure_id"],
        market=row["market"],
        research_house=row["research_house"],
        house=row["house"],
        period=row["period"],
        providers=[figure_pb2.FigureProvider(provider=provider) for provider in row["providers"].split("|")],
        measure=row["measure"],
        unit=row["unit"],
        value=row["value"],
        qualifier=_QUALIFIER + row["qualifier"].upper(),
        decimals=row["decimals"],
        mark=_MARK + row["mark"].upper(),
        published_at=date_text(row["published_at"]),
        published_inferred=row["published_inferred"],
        pages_count=row["pages"],
        stated_as=row["stated_as"],
        publisher=row["publisher"],
        source_title=row["source_title"],
        source_url=row["source_url"],
        note=row["note"],
    )


def _read_figure(figure: figure_pb2.Figure) -> FigureResult:
    return FigureResult(
        figure_id=figure.figure_id,
        market=figure.market,
        research_house=figure.research_house,
        house=figure.house,
        period=figure.period,
        annual="Q" not in figure.period,
        providers=tuple(p.provider for p in figure.providers),
        measure=figure.measure,
        unit=figure.unit,
        value=figure.value,
        qualifier=_QUALIFIERS.get(figure.qualifier, ""),
        decimals=figure.decimals,
        mark=_MARKS.get(figure.mark, ""),
        published_at=parse_date(figure.published_at, "published_at"),
        published_inferred=figure.published_inferred,
        pages=figure.pages_count,
        stated_as=figure.stated_as or None,
        publisher=figure.publisher or None,
        source_title=figure.source_title or None,
        source_url=figure.source_url or None,
        note=figure.note or None,
    )


_QUALIFIERS: dict[int, str] = {
    number: name.removeprefix(_QUALIFIER).lower() for name, number in figure_pb2.FigureQualifier.items() if number
}
_MARKS: dict[int, str] = {
    number: name.removeprefix(_MARK).lower() for name, number in figure_pb2.FigureMark.items() if number
}
