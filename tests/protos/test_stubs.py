import subprocess
import sys
import sysconfig
from itertools import pairwise
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

ROOT = Path(__file__).resolve().parents[2] / "protos"


def generated(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*_pb2*.py*"))
            if "__pycache__" not in path.parts}  # fmt: skip


def test_the_checked_in_stubs_are_those_the_proto_files_give(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "generate.py"), str(tmp_path)], check=True)
    assert generated(tmp_path)
    assert generated(tmp_path) == generated(ROOT), "run python protos/generate.py"


def test_any_compiler_reads_the_api_from_its_own_folder_alone(tmp_path: Path) -> None:
    sources = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "sharecast").rglob("*.proto"))
    output = tmp_path / "api.binpb"
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", ".", f"--descriptor_set_out={output}", *sources]
    subprocess.run(command, check=True, cwd=ROOT)
    files = FileDescriptorSet.FromString(output.read_bytes()).file
    assert {service.name for file in files for service in file.service} == {
        "ForecastService",
        "JobService",
        "MarketService",
    }
    assert all(file.package == "sharecast.v1" for file in files)


def test_no_proto_file_has_a_name_that_other_packages_use() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in (ROOT / "sharecast").rglob("*.proto")}
    assert all(name.startswith("sharecast/v1/") for name in names)
    assert "sharecast/v1/common.proto" not in names


def test_the_api_keeps_the_standard_rules_of_buf() -> None:
    buf = Path(sysconfig.get_path("scripts")) / "buf"
    found = subprocess.run([str(buf), "lint"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@pytest.mark.parametrize("image", ["first.binpb", "api.binpb"])
def test_the_api_breaks_no_client_of_an_earlier_one(image: str) -> None:
    """Of the first API with Backtest (a checkout of ada1d10), and of the one last released.

    Either is made in a folder `protos` by ``buf build -o IMAGE --exclude-source-info``; only the second one is renewed.
    """
    buf = Path(sysconfig.get_path("scripts")) / "buf"
    found = subprocess.run(
        [str(buf), "breaking", "--against", str(Path(__file__).with_name(image))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_every_part_of_the_api_has_a_comment(tmp_path: Path) -> None:
    for source in sorted((ROOT / "sharecast").rglob("*.proto")):
        lines = source.read_text(encoding="utf-8").splitlines()
        for before, line in pairwise(lines):
            text = line.strip()
            declares = text.endswith(";") or text.endswith("{") or text.startswith("rpc ")
            if declares and not text.startswith(("//", "import ", "option ", "package ", "syntax ")):
                assert before.strip().startswith("//"), f"{source.name}: {text}"
