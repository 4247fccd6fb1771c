"""Small parts of messages: quarters, dates, numbers, page tokens."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TypeVar

from google.protobuf.message import Message

from forecast.errors import InvalidArgument
from forecast.quarter import Quarter
from service.answer_results import Matrix
from service.queries import parse_date, parse_moment

M = TypeVar("M", bound=Message)

INT32, UINT64 = 2**31, 2**64
_PAGE_BYTES = 3 * 2**20  # of the 4 MiB that a message may have
_BESIDE_ITEM = 8  # tag and length of an item
_TOKEN = "the next_page_token of the page before, unchanged, with the same question"
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)


def matrix(columns: Sequence[Sequence[float]]) -> Matrix:
    """Rows of columns that are equally long."""
    return tuple(zip(*columns, strict=True))


def read_quarters(texts: Sequence[str]) -> tuple[Quarter, ...]:
    """Read a list of quarters."""
    return tuple(Quarter.parse(text, "periods") for text in texts)


def quarter_text(quarter: Quarter | None) -> str:
    """Write a quarter; empty for none."""
    return "" if quarter is None else str(quarter)


def read_quarter(text: str, field: str = "period") -> Quarter | None:
    """Read a quarter; None where the text is empty.

    Raises:
        InvalidArgument: the text is neither.
    """
    return Quarter.parse(text, field) if text else None


def read_market(name: str) -> str:
    """Read a market that must be named.

    Raises:
        InvalidArgument: it is not.
    """
    if not name:
        raise InvalidArgument("market", name, "the name of a market")
    return name


def date_text(day: date | None) -> str:
    """Write a date; empty for none."""
    return "" if day is None else date.isoformat(day)  # strftime writes the year 999 in three digits


def read_date(text: str, field: str = "as_of") -> date | None:
    """Read a date; None where the text is empty.

    Raises:
        InvalidArgument: the text is neither.
    """
    return parse_date(text, field) if text else None


def moment_text(moment: datetime | None) -> str:
    """Write a moment; empty for none."""
    return "" if moment is None else moment.isoformat()


def read_moment(text: str, field: str = "recorded_by") -> datetime | None:
    """Read a moment, in UTC; None where the text is empty.

    Raises:
        InvalidArgument: the text is neither, or has no time zone.
    """
    return parse_moment(text, field) if text else None


def check_page_size(size: int, largest: int) -> None:
    """Refuse to ask for a page whose size the message cannot carry, or would carry as the default.

    Raises:
        InvalidArgument: the size is such a one.
    """
    if not 0 < size < INT32:
        raise InvalidArgument("page_size", size, f"1 to {largest}")


def read_page_size(size: int, default: int, largest: int) -> int:
    """Read the size of a page.

    Raises:
        InvalidArgument: it is negative.
    """
    if size < 0:
        raise InvalidArgument("page_size", size, f"0 for the default, or 1 to {largest}")
    return min(size or default, largest)


def fitting(messages: Iterable[M]) -> list[M]:
    """As many of the messages of a page as have room in one that any client takes, one at least."""
    page: list[M] = []
    size = 0
    for message in messages:
        size += message.ByteSize() + _BESIDE_ITEM
        if page and size > _PAGE_BYTES:
            break
        page.append(message)
    return page


# A token names the last item sent, so that a page neither repeats nor loses an item when others come or go. It holds a
# digest of the list it is of, because the place in another list means nothing; and so none is made by hand by accident.


def token_text(after: str, of: str) -> str:
    """Write a page token.

    Args:
        after: The last item sent; empty where none follows.
        of: The list it is a place in: the method and its filters.
    """
    if not after:
        return ""
    return base64.urlsafe_b64encode(json.dumps([after, _digest(after, of)]).encode()).decode()


def read_token(token: str, of: str) -> str:
    """Read a page token; empty for the first page.

    Raises:
        InvalidArgument: it is not one that `token_text` wrote of this list.
    """
    if not token:
        return ""
    try:
        match json.loads(base64.b64decode(token, altchars=b"-_", validate=True)):
            case [str(after), str(digest)] if after and digest == _digest(after, of):
                return after
    except ValueError:  # not base64, not text, or not JSON
        pass
    raise InvalidArgument("page_token", token, _TOKEN)


def read_number_token(token: str, of: str) -> int | None:
    """The same of a list whose items have numbers; None for the first page."""
    after = read_token(token, of)
    if after and _NUMBER.fullmatch(after) is None:
        raise InvalidArgument("page_token", token, _TOKEN)
    return int(after) if after else None


def _digest(after: str, of: str) -> str:
    return hashlib.sha256(f"{of}\x1f{after}".encode(errors="surrogatepass")).hexdigest()[:16]
