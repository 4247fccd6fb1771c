"""What each RPC does: read the message, call a pure function, write the message."""

import threading
from bisect import bisect_right
from dataclasses import replace
from weakref import finalize

import polars as pl

from forecast.errors import InvalidArgument, NotFound
from forecast.name_changes import NameChange
from service import convert
from service.catalog import Catalog, frame_bytes
from service.errors import Overloaded
from service.keeping import Keeper
from service.listing import find_figures
from service.models import list_models
from service.queries import (
    LARGEST_FIGURES_PAGE,
    LARGEST_IMPORT,
    LARGEST_IMPORT_BYTES,
    LARGEST_ROW_BYTES,
    MOST_IMPORTING,
    OWN_HOUSE,
    FiguresQuery,
    ImportQuery,
)
from sharecast.v1.forecast_service_pb2 import ListModelsRequest, ListModelsResponse
from sharecast.v1.market_service_pb2 import (
    GetMarketRequest,
    GetMarketResponse,
    ImportFiguresRequest,
    ImportFiguresResponse,
    ListFiguresRequest,
    ListFiguresResponse,
    ListMarketsRequest,
    ListMarketsResponse,
    WithdrawFiguresRequest,
    WithdrawFiguresResponse,
)

_NUMBERS = {"value": pl.Float64, "share": pl.Float64, "decimals": pl.Int64}  # the rest of imported columns are texts

_LISTS_KEPT, _LISTS_BYTES = 8, 64 * 2**20  # of figures, each with the revision of the catalog it is of
_AGAIN_SECONDS = 1.0
_GONE = "a token of the list as it stands now; ask for the first page again"


class ForecastHandlers:
    """The methods of `sharecast.v1.ForecastService`, one per RPC, named in snake case; each may run in any thread.

    Forecasts and backtests, which take processes, are given by `service.server.forecasts` and `service.server.many`.
    """

    def list_models(self, request: ListModelsRequest) -> ListModelsResponse:
        """One page of the models, the model of record first."""
        query = convert.models_query(request)
        models = list_models()
        names = [model.model for model in models]
        if query.after and query.after not in names:  # another version of the server wrote the token
            raise InvalidArgument("page_token", request.page_token, _GONE)
        start = names.index(query.after) + 1 if query.after else 0
        page = models[start : start + query.page_size]
        more = start + len(page) < len(models)
        return convert.models_response(page, next_after=page[-1].model if more else "")


class MarketHandlers:
    """The methods of `sharecast.v1.MarketService`, likewise; histories take processes too."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        # the pages of a list are asked for one by one
        self._lists: Keeper[tuple[FiguresQuery, int], pl.DataFrame] = Keeper(
            frame_bytes, most=_LISTS_KEPT, most_bytes=_LISTS_BYTES
        )
        self._importing = _Importing()

    def list_markets(self, request: ListMarketsRequest) -> ListMarketsResponse:
        """One page of the markets, by name."""
        query = convert.markets_query(request)
        markets = self._catalog.markets()
        start = bisect_right([info.market for info in markets], query.after) if query.after else 0
        page = markets[start : start + query.page_size]
        more = start + len(page) < len(markets)
        return convert.markets_response(page, more=more)

    def get_market(self, request: GetMarketRequest) -> GetMarketResponse:
        """One market."""
        name = convert.market_query(request)
        markets = self._catalog.markets()
        for info in markets:
            if info.market == name:
                return convert.market_response(info)
        raise NotFound("market", name, tuple(info.market for info in markets))

    def list_figures(self, request: ListFiguresRequest) -> ListFiguresResponse:
        """One page of the figures that fit the filters."""
        query = convert.figures_query(request)
        whole = replace(query, page_size=LARGEST_FIGURES_PAGE, after=None)
        listed = (whole, self._catalog.revision())
        found = self._lists.find_or_make(listed, lambda: find_figures(self._catalog, whole))
        start = 0
        if query.after is not None:
            start = int(found["figure_id"].index_of(query.after) or 0) + 1
            if found["figure_id"][start - 1] != query.after:
                raise InvalidArgument("page_token", request.page_token, _GONE)
        page = found.slice(start, query.page_size)
        more = start + page.height < found.height
        return convert.figures_response(page.iter_rows(named=True), request, more=more)

    def withdraw_figures(self, request: WithdrawFiguresRequest, tenant: str = "") -> WithdrawFiguresResponse:
        """Have imported rows stop counting."""
        return convert.withdraw_response(self._catalog.withdraw(convert.withdraw_query(request), tenant=tenant))

    def import_figures(self, tenant: str = "") -> "_Import":
        """Take the messages of one import of a tenant."""
        return _Import(self._catalog, self._importing, tenant)


class _Importing:
    """Counts the bytes of all imports that are coming in; for use in any threads."""

    def __init__(self) -> None:
        self._lock, self._bytes = threading.Lock(), 0

    def add(self, count: int) -> None:
        """Take so many more.

        Raises:
            Overloaded: others have sent so much that there is no room.
        """
        with self._lock:
            if self._bytes + count > MOST_IMPORTING:
                raise Overloaded(_AGAIN_SECONDS)
            self._bytes += count

    def free(self, count: int) -> None:
        """Let go of so many."""
        with self._lock:
            self._bytes -= count


class _Import:
    """One import as it comes: the header, then rows, kept as frames, which take a tenth of the messages' room."""

    def __init__(self, catalog: Catalog, importing: _Importing, tenant: str) -> None:
        self._catalog, self._importing, self._tenant = catalog, importing, tenant
        self._bytes = 0
        self._done = finalize(self, importing.free, 0)  # however it ends: a call that is cancelled tells nobody
        self._query: ImportQuery | None = None
        self._frames: list[pl.DataFrame] = []
        self._names: list[NameChange] = []
        self._rows = 0

    def take(self, request: ImportFiguresRequest, /) -> None:
        """Take the header, or some rows."""
        if self._query is None:
            self._query = convert.import_query(request)
            return
        self._count(request)
        columns = convert.import_columns(request, self._query.kind)
        frame = pl.DataFrame(columns, schema={name: _NUMBERS.get(name, pl.String) for name in columns})
        self._rows += frame.height
        if self._rows > LARGEST_IMPORT:
            raise InvalidArgument("rows", self._rows, f"{LARGEST_IMPORT} at most in one import")
        self._frames.append(frame)
        self._names += convert.import_names(request, self._query.kind)
        if len(self._names) > LARGEST_IMPORT:
            raise InvalidArgument("name_changes", len(self._names), f"{LARGEST_IMPORT} at most in one import")

    def _count(self, request: ImportFiguresRequest) -> None:
        size, chunk = request.ByteSize(), request.chunk
        rows = len(chunk.figures) + len(chunk.shares) + len(chunk.name_changes)
        if size > LARGEST_ROW_BYTES * (rows + 1):  # texts of no name, note or address
            raise InvalidArgument(
                "rows", size, f"{LARGEST_ROW_BYTES} bytes at most in a row", f"have {size} bytes in {rows} row(s)"
            )
        if self._bytes + size > LARGEST_IMPORT_BYTES:
            problem = f"bring more than {LARGEST_IMPORT_BYTES} bytes"
            allowed = f"{LARGEST_IMPORT_BYTES} bytes at most in one import; send several"
            raise InvalidArgument("rows", self._bytes + size, allowed, problem)
        self._importing.add(size)
        self._done.detach()
        self._bytes += size
        self._done = finalize(self, self._importing.free, self._bytes)

    def reply(self) -> ImportFiguresResponse:
        """Import the rows, all or nothing."""
        query = self._query
        if query is None:
            raise InvalidArgument("part", "", "a header as the first message")
        given = convert.import_columns(ImportFiguresRequest(chunk={}), query.kind)
        empty = pl.DataFrame(schema={name: _NUMBERS.get(name, pl.String) for name in given})
        table = pl.concat([empty, *self._frames])
        if query.kind == "shares":  # a table has one of the two, or is refused for having both
            unused = [name for name in ("value", "share") if table[name].is_null().all()]
            table = table.drop(unused[:1])
        try:
            report = self._catalog.import_table(
                table,
                kind=query.kind,
                house=query.house or OWN_HOUSE,
                request_id=query.request_id,
                validate_only=query.validate_only,
                name=query.kind,
                replace=query.replace,
                name_changes=self._names,
                tenant=self._tenant,
            )
        except InvalidArgument as error:  # of the header or a change of a name: those of rows are of another class
            if error.field.startswith("name_changes"):
                raise
            raise error.within("header") from None
        return convert.import_response(report)
