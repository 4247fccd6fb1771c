import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from forecast.errors import InvalidArgument
from forecast.prior import shipped_prior
from service.batch.run import run_batch


@pytest.fixture
def source(tmp_path: Path, shares: pl.DataFrame) -> Path:
    path = tmp_path / "in.parquet"
    lone = pl.DataFrame({"market": ["lone"], "period": ["2020Q1"], "provider": ["A"], "share": [1.0]})
    pl.concat([shares, lone]).write_parquet(path)
    return path


def manifest(source: Path, name: str = "out.parquet", *, workers: int = 1) -> dict[str, Any]:
    result = run_batch(source, source.with_name(name), horizon=3, levels=(0.5,), workers=workers, manifest=True)
    assert result.manifest is not None
    return dict(json.loads(result.manifest.read_text()))


def test_it_tells_the_content_of_what_was_read_and_written(source: Path) -> None:
    told = manifest(source)
    for part, name in (
        ("input", "in.parquet"),
        ("output", "out.parquet"),
        ("errors", "out.errors.parquet"),
        ("notes", "out.notes.parquet"),
    ):
        content = source.with_name(name).read_bytes()
        assert told[part] == {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert told["options"] == {
        "horizon": 3,
        "levels": [0.5],
        "model": "auto",
        "seed": 0,
        "events": "",
        "reading": "",
        "names": "",
        "compiled": False,
        "server": "",
    }
    assert told["counts"] == {"markets": 6, "failed": 1, "parts": 6}
    assert told["versions"]["prior"] == shipped_prior().version
    assert told["versions"]["polars"] == pl.__version__


def test_all_but_the_run_is_the_same_for_any_number_of_workers(source: Path) -> None:
    one, two = (manifest(source, workers=workers) for workers in (1, 2))
    assert (one.pop("run")["workers"], two.pop("run")["workers"]) == (1, 2)
    assert one == two


def test_it_stays_away_unless_asked_for(source: Path) -> None:
    assert run_batch(source, source.with_name("out.csv"), horizon=1).manifest is None
    assert not list(source.parent.glob("*.manifest.json"))


def test_a_manifest_that_would_be_the_input_is_refused(source: Path, shares: pl.DataFrame) -> None:
    renamed = source.with_name("out.manifest.json")
    shares.write_json(renamed)
    with pytest.raises(InvalidArgument, match=r"is the input .*, which would be replaced"):
        manifest(renamed)
