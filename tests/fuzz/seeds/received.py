"""A run's folder as somebody else might hand it over."""

import json
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from tests.fuzz.seeds.pictures import photograph

RUN = "photos"

_PLACE = b"/where/it/was"


@cache
def received_run() -> dict[str, bytes]:
    """Return the files of an outputs folder with one run of one image, and the image, by path."""
    from PIL import Image

    from spam_pipe.pipeline.commands.items import run_items
    from spam_pipe.pipeline.session.options import Options

    home = Path.cwd()
    folder = Path(tempfile.mkdtemp())
    try:
        os.chdir(folder)
        Path("images").mkdir()
        Image.fromarray(photograph()).save("images/a.png")
        options = Options(
            dataset="images", run=RUN, prior="gradient", n_superpixels="5", quiet=True
        )
        run_items("evaluate", options)
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
        own = str(folder).encode()  # of the images, in run.toml
        return {
            name: path.read_bytes().replace(own, _PLACE)
            for name, path in files.items()
            if path.is_file()
        }
    finally:
        os.chdir(home)
        shutil.rmtree(folder)


def sealed_files() -> list[bytes]:
    """Return what roots and records say, each as its path, a zero and JSON without its checksum."""
    contents = []
    for path, content in received_run().items():
        if path.endswith("zarr.json") and b'"spam_pipe"' in content:
            said = json.loads(content)["attributes"]["spam_pipe"]
            said.pop("checksum")
            contents.append(path.encode() + b"\x00" + json.dumps(said).encode())
    return contents


def write_received(folder: Path, path: str, said: bytes) -> None:
    """Write the run into a folder, one of its groups' metadata changed and sealed again."""
    from spam_pipe.pipeline.store.sealed_json import sealed_json

    for name, content in received_run().items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.replace(_PLACE, str(folder).encode()))
    try:
        content = sealed_json(json.loads(said))
    except (ValueError, TypeError, RecursionError):
        content = said
    (folder / path).write_bytes(content)
