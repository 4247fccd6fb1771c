import os
from pathlib import Path

import pytest

from forecast.errors import InvalidArgument
from service.files import check_writable, replacing, write_bytes


def test_a_file_is_replaced_only_when_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as beside:
        beside.write_text("half")
        assert path.read_text() == "old"
        raise ZeroDivisionError
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.txt": "old"}
    with replacing(path) as beside:
        beside.write_text("new")
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.txt": "new"}


def test_until_then_the_new_file_stands_where_it_is_told_to(tmp_path: Path) -> None:
    (own := tmp_path / "own").mkdir()
    with replacing(tmp_path / "a.txt", within=own) as beside:
        assert beside.parent == own
        beside.write_text("new")
    assert list(own.iterdir()) == []
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_link_is_followed_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    write_bytes(b"new", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_a_new_file_has_the_usual_rights(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_bytes(b"x", tmp_path / "a")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_the_longest_name_there_may_be_can_be_written(tmp_path: Path) -> None:
    write_bytes(b"x", tmp_path / ("a" * 255))


def test_a_device_is_refused_not_replaced() -> None:
    with pytest.raises(InvalidArgument, match=r"/dev/null is a device or pipe; give an ordinary file"):
        write_bytes(b"x", Path("/dev/null"))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="is a folder; give the name of a file"):
        check_writable(tmp_path)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(InvalidArgument, match=r"no/t\.csv cannot be written: there is no folder"),
        replacing(tmp_path / "no" / "t.csv"),
    ):
        pass
