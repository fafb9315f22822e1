"""Archives and weights."""

import gzip
import io
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any


def tars() -> list[bytes]:
    """Return tar archives, packed and not, with links and long names."""
    contents = []
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w", format=form) as tar:
            for name, kind in (("a/b.txt", tarfile.REGTYPE), ("a", tarfile.DIRTYPE)):
                member = tarfile.TarInfo(name)
                member.type, member.size = kind, 600 * (kind == tarfile.REGTYPE)
                tar.addfile(member, io.BytesIO(b"x" * 600))
            for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                member = tarfile.TarInfo("link")
                member.type, member.linkname = kind, "a/b.txt"
                tar.addfile(member)
            member = tarfile.TarInfo("é" * 70 + "/" + "d" * 70)
            member.size = 3
            tar.addfile(member, io.BytesIO(b"xyz"))
        contents += [content.getvalue(), gzip.compress(content.getvalue())]
    return contents


def zips() -> list[bytes]:
    """Return zip archives of all compressions."""
    contents = []
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", compression) as file:
            file.writestr("a/b.txt", b"x" * 600)
            file.mkdir("c")
            file.writestr("c/é.txt", b"abc")
        contents.append(content.getvalue())
    return contents


def weights() -> list[bytes]:
    """Return both networks' weights, small."""
    from spam_pipe.stages.networks.config import SsnConfig, TrunkConfig
    from spam_pipe.stages.networks.registry import build
    from spam_pipe.stages.networks.weights import save_weights

    small = TrunkConfig(
        channels=2, widths=(2, 2, 2, 2, 2), blocks=(0, 0, 0, 0, 1), up_widths=(2, 2, 2, 2)
    )
    contents = []
    with tempfile.TemporaryDirectory() as folder:
        for config in (SsnConfig(channels=2, width=2), small):
            path = Path(folder) / "w.safetensors"
            save_weights(path, config, build(config).state_dict(), information={"steps": 3})
            contents.append(path.read_bytes())
    return contents


def checkpoints() -> list[bytes]:
    """Return a public encoder's state dict in PyTorch's own formats."""
    import torch

    state: dict[str, Any] = {}
    shapes = [(2, 5), *[(2, 2)] * 5, (3, 11)]
    for index, shape in enumerate(shapes):
        name = "output_conv" if index == 6 else f"scale{index // 2 + 1}.{index % 2}"
        state[f"{name}.0.weight"] = torch.zeros(*shape, 3, 3)
        for key in ("weight", "bias", "running_mean", "running_var"):
            state[f"{name}.1.{key}"] = torch.ones(shape[0])
    contents = []
    for wrapped, modern in (
        (state, True),
        ({"state_dict": state, "epoch": 3}, True),
        (state, False),
    ):
        content = io.BytesIO()
        torch.save(wrapped, content, _use_new_zipfile_serialization=modern)
        contents.append(content.getvalue())
    return contents
