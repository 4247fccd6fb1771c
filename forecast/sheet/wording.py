"""Rows and names as the sentences about a sheet list them."""

from collections.abc import Sequence

_LISTED = 5  # names or ranges of rows that a sentence lists


def rows_text(rows: Sequence[int]) -> str:
    """Rows of a sheet, ascending, as ranges.

    >>> rows_text([3]), rows_text([3, 4, 5, 9])
    ('row 3', 'rows 3 to 5 and 9')
    """
    if len(rows) == 1:
        return f"row {rows[0]}"
    spans: list[list[int]] = []
    for row in rows:
        if spans and row == spans[-1][1] + 1:
            spans[-1][1] = row
        else:
            spans.append([row, row])
    texts = [str(a) if a == b else f"{a} {'and' if b == a + 1 else 'to'} {b}" for a, b in spans]
    return "rows " + listed(texts if len(texts) > 1 else [texts[0]])


def listed(items: Sequence[str], most: int = _LISTED) -> str:
    """Names in one phrase; what goes beyond `most` is counted.

    >>> listed(["A", "B", "C"])
    'A, B and C'
    """
    if len(items) > most:
        return f"{', '.join(items[:most])} and {len(items) - most} more"
    if not items:
        return "none"
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
