"""The package as users get it: one name to import, all that it reads, beside any file of theirs."""

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

import spam_pipe
from spam_pipe.pipeline.cli.app import app
from tests.conftest import PATIENCE, PROJECT

LINKED = ("configs", "pipeline", "stages")
"""Folders at the top level that lie in the package `spam_pipe`."""

SCRIPT = """
import configs, pipeline, stages
assert configs.mine and pipeline.mine and stages.mine

import spam_pipe
from spam_pipe.pipeline.configuration.run_config import configs_folder
from spam_pipe.stages.networks.files import find_weights
from spam_pipe.stages.report.page import render

for name in spam_pipe.__all__:
    getattr(spam_pipe, name)
assert (configs_folder() / "default.toml").is_file()
assert find_weights("trunk").is_file()
print(spam_pipe.__file__)
"""


def build(target: str, source: Path, folder: Path) -> Path:
    """Build a wheel or an sdist without network or isolation; return its path."""
    if find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed: pip install hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=PATIENCE)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", PROJECT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def contents(wheel: Path) -> dict[str, int]:
    """Return the checksum of each file in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {each.filename: each.CRC for each in archive.infolist()}


def test_one_package_is_installed(unpacked: Path) -> None:
    installed = {path.name for path in unpacked.iterdir()}
    assert {name for name in installed if not name.endswith(".dist-info")} == {"spam_pipe"}


def test_everything_below_the_package_ships(wheel: Path) -> None:
    ours = {
        f"spam_pipe/{path.relative_to(PROJECT).as_posix()}"
        for folder in LINKED
        for path in (PROJECT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {
        "spam_pipe/configs/default.toml",
        "spam_pipe/stages/weights/trunk.safetensors",
        "spam_pipe/stages/report/page/assets/page.js",
        "spam_pipe/stages/report/page/templates/page.html",
        "spam_pipe/pipeline/datasets/splits/sbd_test.txt",
        "spam_pipe/stages/clustering/METHOD.md",
    } <= ours
    shipped = {
        name
        for name in contents(wheel)
        if name.startswith(tuple(f"spam_pipe/{x}/" for x in LINKED))
    }
    assert shipped == ours


def test_a_wheel_made_of_the_source_archive_is_the_same(wheel: Path, tmp_path: Path) -> None:
    archive = build("sdist", PROJECT, tmp_path / "sdist")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    assert contents(build("wheel", source, tmp_path / "wheel")) == contents(wheel)


def beside_files_of_the_same_names(folder: Path, *arguments: str, path: str | None) -> str:
    """Run Python in a folder with a `pipeline.py`, `stages.py` and `configs.py`."""
    for name in LINKED:
        (folder / f"{name}.py").write_text("mine = True\n")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = path
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(params=["wheel", "install"])
def found_at(request: pytest.FixtureRequest) -> tuple[str | None, Path]:
    """Where Python finds the package: PYTHONPATH, and the folder that then holds it."""
    if request.param == "wheel":
        folder: Path = request.getfixturevalue("unpacked")
        return str(folder), folder
    try:
        distribution("spam-pipe")
    except PackageNotFoundError:
        pytest.skip("spam-pipe is not installed here: pip install --editable .")
    return None, Path(spam_pipe.__file__).parents[1]


def test_a_script_beside_files_of_the_same_names(
    found_at: tuple[str | None, Path], tmp_path: Path
) -> None:
    path, folder = found_at
    (tmp_path / "script.py").write_text(SCRIPT)
    said = beside_files_of_the_same_names(tmp_path, "script.py", path=path)
    assert Path(said.strip()) == folder / "spam_pipe" / "__init__.py"


def test_the_command_beside_files_of_the_same_names(
    found_at: tuple[str | None, Path], tmp_path: Path
) -> None:
    path, _ = found_at
    said = beside_files_of_the_same_names(tmp_path, "-m", "spam_pipe", "--version", path=path)
    assert said == f"spam-pipe {spam_pipe.__version__}\n"


def test_one_version() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    assert spam_pipe.__version__ == project["version"]


def test_the_forge_s_files_are_read_and_call_what_there_is() -> None:
    forms = sorted((PROJECT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    for form in (yaml.safe_load(path.read_text("utf-8")) for path in forms):
        for field in form.get("body", ()):
            assert field["type"] == "textarea"
            assert field["attributes"]["label"]
    release = yaml.safe_load((PROJECT / ".github/workflows/release.yml").read_text("utf-8"))
    jobs = release["jobs"]
    assert list(jobs) == ["build", "check", "draft"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    assert all(("run" in step) != ("uses" in step) for step in steps)
    known = {*get_command(app).commands, "--version"}  # type: ignore[attr-defined]
    called = [line.split()[1] for step in steps for line in step.get("run", "").splitlines()
              if line.startswith("spam-pipe ")]  # fmt: skip
    assert called
    assert {*called} <= known
