import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from forecast import compiling
from forecast.compiling import is_kept, place_of

SOURCE = "from forecast.compiling import compiled\n@compiled\ndef double(x):\n    return 2.0 * x\n"


def double(file: Path) -> Callable[[float], float]:
    spec = spec_from_file_location("kept_or_not", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # numba looks for it there
    spec.loader.exec_module(module)
    made: Callable[[float], float] = module.double
    return made


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on no folder may be written, as for a user without a home in a read-only installation."""

    def refuse(*_: object) -> None:
        raise PermissionError

    def begin() -> None:
        monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
        for each in compiling._Place._locator_classes[:-1]:
            monkeypatch.setattr(each, "ensure_cache_path", refuse)
        monkeypatch.setattr("numba.core.caching.IndexDataCacheFile._open_for_write", refuse)

    return begin


def test_where_nothing_may_be_written_functions_are_compiled_and_not_kept(
    tmp_path: Path, read_only: Callable[[], None]
) -> None:
    file = tmp_path / "kept_or_not.py"
    file.write_text(SOURCE)
    read_only()
    function = double(file)
    assert function(1.5) == 3.0
    assert not is_kept(function)
    assert not list(tmp_path.rglob("*.nb?"))


def test_what_was_kept_before_is_read_where_nothing_may_be_written(
    tmp_path: Path, read_only: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    file = tmp_path / "kept_or_not.py"
    file.write_text(SOURCE)
    first = double(file)
    assert not is_kept(first)
    assert first(1.5) == 3.0
    assert is_kept(first)
    assert place_of(first) == tmp_path / "__pycache__"
    read_only()
    second = double(file)
    assert is_kept(second)
    assert second(1.5) == 3.0
    assert sum(second.stats.cache_hits.values()) == 1  # type: ignore[attr-defined]
    monkeypatch.setattr("forecast.compiling.cpu_target.target_context.codegen", Other)
    assert not is_kept(second)


def test_what_was_compiled_from_other_sources_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "kept_or_not.py"
    file.write_text(SOURCE)
    assert double(file)(1.5) == 3.0
    assert is_kept(double(file))
    monkeypatch.setattr("forecast.compiling._sources", lambda: b"another")
    assert not is_kept(double(file))


class Other:
    """A processor that nothing was compiled for."""

    def magic_tuple(self) -> tuple[str, ...]:
        return ("another",)


def test_a_user_without_a_home_has_no_folder_beside_wherever_the_process_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nowhere = compiling._OfUser.__new__(compiling._OfUser)
    nowhere._cache_path = "~/.cache/numba/x"
    with pytest.raises(FileNotFoundError, match="numba"):
        nowhere.ensure_cache_path()
    assert not list(tmp_path.iterdir())
