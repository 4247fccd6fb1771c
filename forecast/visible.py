"""Text made fit for a terminal: what would command it, or hide what stands there, is shown as an escape."""

import re

# Letters of scripts in which a joiner changes how its neighbours are written: Arabic to Tibetan, Khmer and Mongolian.
_JOINED = "\u0600-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc"
_HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f"  # C0 but the new line, DEL, C1
    "\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f"  # soft hyphen, fillers, zero width, marks of direction
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"  # separators, embeddings, overrides, isolates
    "\U000e0000-\U000e007f"  # tags
    "\ud800-\udfff]"  # bytes of a file's name that are no text
    f"|(?<![{_JOINED}])[\u200c\u200d]"
)
UNSEEN = re.compile("[\u200b-\u200f\u2060\ufeff]")
"""What nobody sees in a cell: zero widths, joiners and marks of direction."""

_LINE_END = re.compile("\n")


def visible(text: str, /, *, one_line: bool = False) -> str:
    r"""A text with every character that a terminal would obey, or not show, as an escape such as ``\x1b``.

    New lines stay. So do the joiners U+200C and U+200D behind a letter of a script that needs them.

    Args:
        text: Any text.
        one_line: Whether new lines become escapes as well, so that a caller cannot write lines of its own.

    >>> visible("Acme\x1b[2J\u202e"), visible("one\ntwo", one_line=True)
    ('Acme\\x1b[2J\\u202e', 'one\\x0atwo')
    """
    shown = _HIDDEN.sub(_escape, text)
    return _LINE_END.sub(_escape, shown) if one_line else shown


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
