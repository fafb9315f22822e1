"""The shape of the code: circles and depth of its rooms, lines, long signatures, and how often one
image changes the file on its way through `spam-pipe run`.

    python tests/benchmarks/shape.py
"""

import ast
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import grimp

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = ("pipeline", "stages", "spam_pipe")
LONG = 8
"""Parameters from which on a signature is long."""
LATER = (
    *("pipeline/serving", "pipeline/commands/serve.py"),  # the page to work in
    *("stages/hierarchy", "stages/segment/nested.py", "spam_pipe/nested.py"),  # hierarchies
    *("stages/regions/tree.py", "stages/methods/baselines/hierarchies.py"),
    *("pipeline/kernels.py", "stages/sharing.py", "stages/regions/queue.py"),  # kernels ahead
    "pipeline/running/child.py",  # methods that may end their process
    "pipeline/configuration/effect.py",  # options without effect are refused
    *(f"stages/networks/{name}.py" for name in ("engines", "onnx_encoder", "onnx_graph")),
    *(f"stages/networks/{name}.py" for name in ("agreement", "surroundings")),
    *(f"stages/networks/{name}.py" for name in ("efficientunet", "efficientnet", "decoder")),
    "stages/train/start.py",
    *(f"pipeline/cli/{name}.py" for name in ("examples", "help", "streams")),  # the front door
    *("pipeline/session/complete.py", "pipeline/home.py", "pipeline/exporting/placing.py"),
    *("stages/methods/nest_whole.py", "stages/segment/large/nest_large.py"),  # of large images
    *("stages/segment/drawn.py", "spam_pipe/showing.py", "stages/report/meanings.py"),
    *("stages/principal.py", "pipeline/datasets/images/cubes.py"),  # more inputs
    *(f"pipeline/datasets/images/{name}.py" for name in ("kinds", "orientation", "png")),
    *(f"pipeline/datasets/images/{name}.py" for name in ("sidecars", "tiff_pages")),
    *(f"pipeline/datasets/user_files/{name}.py" for name in ("listing", "names")),
)
"""Files and folders of features that came after the rooms were planned (commit 42c3766)."""


def files() -> list[Path]:
    """Return the product's files, each once: `spam_pipe` links to the two others."""
    found = {path.resolve() for folder in FOLDERS for path in (PROJECT / folder).rglob("*.py")}
    return sorted(path for path in found if path.relative_to(PROJECT).parts[0] in FOLDERS)


def long_signatures() -> list[str]:
    """Return the functions with eight parameters or more."""
    found = []
    for path in files():
        for node in ast.walk(ast.parse(path.read_text("utf8"))):
            if isinstance(node, ast.FunctionDef):
                given = node.args
                names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
                n = len([name for name in names if name not in {"self", "cls"}])
                if n >= LONG:
                    found.append(f"{path.relative_to(PROJECT)}: {node.name} ({n})")
    return found


def room_of(module: str) -> str:
    """Return the room that a module lies in, or is; the files beside the rooms are one."""
    parts = module.split(".")
    is_room = (PROJECT / Path(*parts[1:3])).is_dir()
    return ".".join(parts[:3]) if is_room else ".".join(parts[:2])


def rooms() -> tuple[dict[str, set[str]], int, int]:
    """Return the imports between rooms, the number in circles, and the longest way down."""
    graph = grimp.build_graph("spam_pipe", cache_dir=None, exclude_type_checking_imports=True)
    edges: dict[str, set[str]] = {}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            a, b = room_of(module), room_of(imported)
            if a != b and a.startswith("spam_pipe.pipeline") and b.startswith("spam_pipe.pipeline"):
                edges.setdefault(a, set()).add(b)
    depth: dict[str, int] = {}
    circles: set[str] = set()

    def descend(room: str, above: tuple[str, ...]) -> int:
        if room in above:
            circles.update(above[above.index(room) :])
            return 0
        if room not in depth:
            below = (descend(each, (*above, room)) for each in edges.get(room, ()))
            depth[room] = 1 + max(below, default=-1)
        return depth[room]

    deepest = max(descend(room, ()) for room in edges)
    return edges, len(circles), deepest


def changes_of_file() -> tuple[int, int]:
    """Return how often one image changes the file, before it is worked on and in a whole run."""
    from spam_pipe.pipeline.commands.items import run_items
    from spam_pipe.pipeline.session.options import Options

    last, changes, before = "", 0, 0

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal last, changes, before
        name = frame.f_code.co_filename
        # Templates are compiled to code of their own, which nobody reads.
        ours = any(f"/{folder}/" in name for folder in FOLDERS[:2]) and name.endswith(".py")
        if event != "call" or not ours or frame.f_code.co_name == "<module>":
            return
        if frame.f_code.co_name == "perform" and not before:
            before = changes
        if name != last:
            last, changes = name, changes + 1

    with tempfile.TemporaryDirectory() as folder:
        options = Options("sample", outputs=folder, limit=1, quiet=True, n_superpixels="100")
        run_items("run", Options("sample", outputs=f"{folder}/warm", limit=1, quiet=True))
        sys.setprofile(profile)
        try:
            run_items("run", options)
        finally:
            sys.setprofile(None)
    return before, changes


def main() -> None:
    """Print the figures."""
    lines = Counter({path: path.read_text("utf8").count("\n") for path in files()})
    edges, in_circles, deepest = rooms()
    long = long_signatures()
    later = sum(
        n for path, n in lines.items() if any(path.is_relative_to(PROJECT / each) for each in LATER)
    )
    total = sum(lines.values())
    print(f"{total:,} lines in {len(lines)} files")
    print(f"  {later:,} of them in files of later features, {total - later:,} in the others")
    names = {room for a, below in edges.items() for room in (a, *below)}
    print(f"pipeline: {len(names)} rooms, {in_circles} in circles, {deepest} imports deep")
    print(f"functions of {LONG} parameters or more: {len(long)}")
    for each in long:
        print(f"  {each}")
    before, whole = changes_of_file()
    print(
        f"changes of file for one image: {before} before it is worked on, {whole} in the whole run"
    )


if __name__ == "__main__":
    main()
