"""The done parts of a batch, kept in a hidden folder beside its output until all is done, so that a killed run goes on.

    .forecasts.parquet.parts/
        run.json                        whose parts these are: the identity of the run, and when it began
        done.jsonl                      a line for each part that is done, appended once its files are there
        000000000.forecasts.parquet     as `service.batch.part` writes them: beside, renamed
        input/                          the input in Parquet, where it is not that already; made anew by each run

A part without its line, or whose files have not the size that the line says and the ends of a Parquet file, counts for
nothing and is done again: the same bytes, by the same name. So a part need not wait for the disk: it survives the death
of every process, and one that a power cut took is found to be missing. A lock on the folder, which the system takes off
a process that dies, keeps two runs apart.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from forecast.errors import InvalidArgument
from service.batch.identity import Identity
from service.batch.part import KINDS, Ask, PartResult, part_file
from service.files import write_bytes

_RUN, _DONE, _INPUT = "run.json", "done.jsonl", "input"


class Journal:
    """The folder of one output, locked by this process."""

    def __init__(self, folder: Path, lock: int, /) -> None:
        self.folder = folder
        self.results = _read_results(folder)  # of the parts that are done, by number
        self._lock = lock
        self._lines: int | None = None

    @property
    def input(self) -> Path:
        """An empty folder for a copy of the input."""
        place = self.folder / _INPUT
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        return place

    def begin(self, identity: Identity, /, *, parts: int) -> None:
        """Go on with what is there, when it is of the same run, and throw away what belongs to no done part.

        Raises:
            InvalidArgument: what is there is of another run, or of none that can be read.
        """
        if self.results:
            was = _read_identity(self.folder)
            allowed = f"give what that run was given, or remove {self.folder} to begin anew"
            if was is None:
                raise InvalidArgument("resume", _RUN, allowed, f"is not possible: {_RUN} of the run is damaged")
            if differences := was.differences(identity):
                raise InvalidArgument("resume", differences, allowed, f"is of another run: {'; '.join(differences)}")
        kept = {part_file(self.into(number), kind).name for number in self.results for kind in KINDS} | {_RUN, _DONE}
        for path in self.folder.iterdir():
            if path.is_file() and path.name not in kept:
                path.unlink()
        began = datetime.now(UTC).isoformat(timespec="seconds")
        told = {"began": began, "parts": parts, **asdict(identity)}
        # The lines first: were this ended between the two, those of an older run would pass for this one's.
        write_bytes("".join(map(_line, self.results.values())).encode(), self.folder / _DONE)
        write_bytes(json.dumps(told, indent=1).encode(), self.folder / _RUN)
        self._lines = os.open(self.folder / _DONE, os.O_WRONLY | os.O_APPEND)

    def into(self, number: int, /) -> Path:
        """Where part `number` goes."""
        return self.folder / f"{number:09d}"

    def record(self, result: PartResult, /) -> None:
        """Count a part as done."""
        if self._lines is None:
            raise RuntimeError("record before begin")
        os.write(self._lines, _line(result).encode())
        self.results[result.number] = result

    def close(self, *, remove: bool) -> None:
        """Let the folder go; with `remove`, or when nothing in it is worth keeping, it vanishes."""
        if self._lines is not None:
            os.close(self._lines)
        if remove or not self.results:
            # First: a run killed within these lines is one that has ended, not half of one.
            (self.folder / _DONE).unlink(missing_ok=True)
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            shutil.rmtree(self.folder / _INPUT, ignore_errors=True)
        os.close(self._lock)


def parts_folder(output: Path, /) -> Path:
    """Where the parts of an output are until it is done: dotted, so that a glob of tables passes by."""
    return output.with_name(f".{output.name}.parts")


@contextmanager
def opened_journal(output: Path, /, *, resume: bool) -> Iterator[Journal]:
    """The journal of an output. Removed when the block ends well; else kept, and the error told how to go on.

    Raises:
        InvalidArgument: another run is at work on the output, or an interrupted one left parts and `resume` is False.
    """
    folder = parts_folder(output)
    journal = Journal(folder, _locked(folder, output))
    if journal.results and not resume:
        os.close(journal._lock)
        raise InvalidArgument(
            str(output),
            str(folder),
            "resume (--resume) to go on with them, or remove that folder to begin anew",
            f"is half done by an interrupted run: {_left(journal)} are in {folder}",
        )
    try:
        yield journal
    except BaseException as error:
        if journal.results and journal._lines is not None:
            error.add_note(f"{_left(journal)} are kept in {folder}; the same command with --resume goes on from there.")
        journal.close(remove=False)
        raise
    journal.close(remove=True)


def _left(journal: Journal) -> str:
    with suppress(OSError, ValueError, KeyError):
        told = json.loads((journal.folder / _RUN).read_bytes())
        return f"{len(journal.results):,} of {int(told['parts']):,} parts, begun {told['began']},"
    return f"{len(journal.results):,} parts"


def _locked(folder: Path, output: Path) -> int:
    """Make the folder, and hold it: a descriptor to close."""
    while True:
        folder.mkdir(exist_ok=True)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_ino == folder.stat().st_ino:
                return lock
        except FileNotFoundError:
            pass  # the run that held it has just ended and taken it away
        except BlockingIOError:
            os.close(lock)
            raise InvalidArgument(
                str(output),
                "busy",
                "give another output, or wait until that run has ended",
                "is written by another run",
            ) from None
        os.close(lock)


def _line(result: PartResult) -> str:
    files = {kind: path.stat().st_size for kind, path in result.files().items()}
    told = {"number": result.number, "markets": result.markets, "failed": result.failed, "files": files}
    if result.unanswered:
        told["unanswered"] = result.unanswered
    return json.dumps(told) + "\n"


def _read_results(folder: Path) -> dict[int, PartResult]:
    try:
        lines = (folder / _DONE).read_bytes().split(b"\n")[:-1]  # after the last line end: nothing, or half a line
    except FileNotFoundError:
        return {}
    found = {}
    for line in lines:
        with suppress(ValueError, KeyError, TypeError, AttributeError, OSError):
            told = json.loads(line)
            into = folder / f"{told['number']:09d}"
            files = {kind: part_file(into, kind) for kind in told["files"]}
            if all(_is_whole(path, told["files"][kind]) for kind, path in files.items()):
                forecasts, refused, failures, events, notes = (files.get(kind) for kind in KINDS)
                counts = (told["number"], told["markets"], told["failed"])
                result = PartResult(*counts, forecasts, refused, failures, events, told.get("unanswered", 0), notes)
                found[result.number] = result
    return found


def _is_whole(path: Path, size: int) -> bool:
    with path.open("rb") as file:
        ends = file.read(4)
        file.seek(-4, os.SEEK_END)
        return ends == file.read(4) == b"PAR1" and path.stat().st_size == size


def _read_identity(folder: Path) -> Identity | None:
    with suppress(ValueError, KeyError, TypeError, OSError):
        told = json.loads((folder / _RUN).read_bytes())
        asked = told["ask"] | {"levels": tuple(told["ask"]["levels"])}
        return Identity(told["input_sha256"], Ask(**asked), tuple((name, found) for name, found in told["versions"]))
    return None
