"""How much room an answer takes, told before it is worked out: most clients take no message beyond 4 MiB."""

from collections.abc import Collection

from forecast.errors import InvalidArgument

_TAKEN_BYTES = 4 * 2**20
_BESIDE_BYTES = 256 * 2**10  # of those, for what an answer says beside its numbers: provenance, warnings, events
_PROVIDER_BYTES, _LEVEL_BYTES, _NUMBER_BYTES = 24, 24, 8  # of each the most that its tags and lengths take


def answer_bytes(providers: Collection[str], /, *, horizon: int, levels: int) -> int:
    """The most bytes that the numbers of a forecast take in a message.

    Args:
        providers: Their names.
        horizon: Quarters ahead.
        levels: How many there are.
    """
    column = horizon * _NUMBER_BYTES
    each = _PROVIDER_BYTES + 2 * column + levels * (_LEVEL_BYTES + 2 * column)
    return len(providers) * each + sum(len(name.encode(errors="surrogatepass")) for name in providers)


def check_room(providers: Collection[str], /, *, horizon: int, levels: int) -> None:
    """Refuse a forecast that no message has room for; arguments as of `answer_bytes`.

    Raises:
        InvalidArgument: it is one; names the levels where fewer of them would do, else the horizon.
    """
    most = _TAKEN_BYTES - _BESIDE_BYTES
    if answer_bytes(providers, horizon=horizon, levels=levels) <= most:
        return
    none = answer_bytes(providers, horizon=horizon, levels=0)
    fit = (most - none) // (answer_bytes(providers, horizon=horizon, levels=1) - none)
    asked = f"{levels} levels of {len(providers)} providers, {horizon} quarters ahead"
    if fit >= 1:
        raise InvalidArgument("levels", asked, f"{fit} at most of so many numbers, for the answer to be sent")
    raise InvalidArgument("horizon", asked, "fewer quarters of so many providers, for the answer to be sent")
