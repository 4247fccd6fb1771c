"""The list of models."""

from collections.abc import Sequence

from service.convert.parts import check_page_size, read_page_size, read_token, token_text
from service.queries import DEFAULT_PAGE_SIZE, LARGEST_PAGE, ModelsQuery
from service.results import ModelResult, ModelsPage
from sharecast.v1 import model_pb2
from sharecast.v1.forecast_service_pb2 import ListModelsRequest, ListModelsResponse

_LIST = "ListModels"


def models_request(page_size: int, page_token: str, /) -> ListModelsRequest:
    """Ask for one page.

    Raises:
        InvalidArgument: a page size that the message cannot carry, or 0, which on the wire stands for the default.
    """
    check_page_size(page_size, LARGEST_PAGE)
    return ListModelsRequest(page_size=page_size, page_token=page_token)


def models_query(request: ListModelsRequest, /) -> ModelsQuery:
    """Read which page is meant.

    Raises:
        InvalidArgument: a negative page size, or a token that is not ours.
    """
    size = read_page_size(request.page_size, DEFAULT_PAGE_SIZE, LARGEST_PAGE)
    return ModelsQuery(page_size=size, after=read_token(request.page_token, _LIST))


def models_response(models: Sequence[ModelResult], /, next_after: str) -> ListModelsResponse:
    """Write one page; `next_after` is its last model where more follow, else empty."""
    return ListModelsResponse(
        models=[
            model_pb2.Model(
                model=model.model,
                description=model.description,
                is_default=model.is_default,
                prior=model.prior,
                is_measured=model.is_measured,
            )
            for model in models
        ],
        next_page_token=token_text(next_after, _LIST),
    )


def models_page(response: ListModelsResponse, /) -> ModelsPage:
    """Read one page."""
    return ModelsPage(
        models=tuple(
            ModelResult(
                model=model.model,
                description=model.description,
                is_default=model.is_default,
                prior=model.prior,
                is_measured=model.is_measured,
            )
            for model in response.models
        ),
        next_page_token=response.next_page_token,
    )
