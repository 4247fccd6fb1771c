from hypothesis import given
from hypothesis import strategies as st

from service.keeping import Keeper

ASKED = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60)), max_size=60)


@given(ASKED)
def test_what_is_kept_never_has_more_bytes_or_values_than_allowed(asked: list[tuple[int, int]]) -> None:
    keeper: Keeper[int, bytes] = Keeper(len, most=3, most_bytes=100)
    for key, size in asked:
        keeper.keep(key, bytes(size))
        kept = [found for each in range(6) if (found := keeper.find(each)) is not None]
        assert keeper.bytes == sum(map(len, kept)) <= 100
        assert len(kept) <= 3
        assert keeper.find(key) == bytes(size)


def test_what_was_asked_for_last_stays_and_what_has_too_much_alone_is_not_kept() -> None:
    keeper: Keeper[str, bytes] = Keeper(len, most=9, most_bytes=100)
    keeper.keep("a", bytes(40))
    keeper.keep("b", bytes(40))
    keeper.find("a")
    keeper.keep("c", bytes(40))
    assert (keeper.find("a"), keeper.find("b"), keeper.bytes) == (bytes(40), None, 80)
    keeper.keep("a", bytes(101))
    assert (keeper.find("a"), keeper.bytes) == (None, 40)


def test_a_value_is_made_once_as_long_as_it_is_kept() -> None:
    keeper: Keeper[str, bytes] = Keeper(len, most=9, most_bytes=100)
    made: list[int] = []

    def make() -> bytes:
        made.append(1)
        return b"x"

    assert [keeper.find_or_make("a", make) for _ in range(3)] == [b"x"] * 3
    assert made == [1]
