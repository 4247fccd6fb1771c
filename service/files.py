"""Files that appear whole or not at all: written beside, synced, then renamed."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from forecast.errors import InvalidArgument


def check_writable(path: Path, /) -> None:
    """Refuse a path that a file could not be put at, before any work is done for it.

    Raises:
        InvalidArgument: the path is a folder or a device, or its folder does not exist or may not be written.
    """
    if path.is_dir():
        raise InvalidArgument(str(path), "a folder", "give the name of a file to write", "is a folder")
    if path.exists() and not path.is_file():
        raise InvalidArgument(str(path), "a device or pipe", "give an ordinary file", "is a device or pipe")
    folder = path.parent
    if not folder.is_dir():
        raise InvalidArgument(str(path), str(folder), "", f"cannot be written: there is no folder {str(folder)!r}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidArgument(
            str(path), str(folder), "", f"cannot be written: no permission to write to {str(folder)!r}"
        )


@contextmanager
def replacing(path: Path, /, *, within: Path | None = None) -> Iterator[Path]:
    """Yield a new empty file beside `path`, which takes its name when the block ends well and vanishes otherwise.

    A reader, or a run that is killed, sees the old file or the new one, never a half of either. A link is followed.

    Args:
        path: The file's name.
        within: Where the new file stands until then, on the same disk; by default the folder of `path`. What a killed
            run leaves there is for the caller to find and remove.

    Raises:
        InvalidArgument: the place cannot be written (see `check_writable`), or has no room left.
    """
    path = Path(os.path.realpath(path))
    check_writable(path)
    # Not named after `path`: a name of the longest length allowed could not be lengthened.
    beside = (within or path.parent) / f".sharecast-{secrets.token_hex(8)}.tmp"
    try:
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield beside
        _sync(beside)
        beside.replace(path)
        _sync(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidArgument(str(path), reason, "", f"cannot be written: {reason}") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def write_bytes(data: bytes, path: Path, /) -> None:
    """Write a whole file atomically.

    Raises:
        InvalidArgument: as `replacing`.
    """
    with replacing(path) as beside:
        beside.write_bytes(data)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
