"""Readers of images, labels, tables, archives and weights; each takes one file."""

from pathlib import Path
from typing import Any

MAX_PIXELS = 10_000_000
"""The limit under which images and label maps are read; the default allows more than 1 GiB."""


def read_image(path: Path) -> Any:
    from spam_pipe.pipeline.datasets.images.bands import Reading
    from spam_pipe.pipeline.datasets.images.image_file import ImageFile

    return ImageFile(path, Reading(max_pixels=MAX_PIXELS)).read()


def read_valid(path: Path) -> Any:
    from PIL import Image

    from spam_pipe.pipeline.datasets.images.image_file import ImageFile
    from spam_pipe.pipeline.datasets.user_files.valid import find_valid

    picture = path.with_name("picture.png")
    Image.new("RGB", (7, 9), "red").save(picture)
    source = find_valid(ImageFile(picture), "input", str(path.parent), MAX_PIXELS)
    assert source is not None
    return source.read(), source.digest()


def read_ome_zarr(path: Path) -> Any:
    """Write the images and put the file's content where its first words say."""
    from spam_pipe.pipeline.datasets.images.bands import Reading
    from spam_pipe.pipeline.datasets.images.image_file import ImageFile
    from spam_pipe.pipeline.datasets.images.stacks import parts_of
    from tests.fuzz.seeds.stacks import ome_zarrs

    place, _, content = path.read_bytes().partition(b"\x00")
    changed = place.decode("utf-8", "replace")
    image = changed.split("/")[0]
    for name, own in ome_zarrs().items():
        if name.startswith(image):
            (path.parent / name).parent.mkdir(parents=True, exist_ok=True)
            (path.parent / name).write_bytes(content if name == changed else own)
    if not (path.parent / image).is_dir():
        return None
    parts = parts_of(path.parent / image, None)
    reading = Reading(max_pixels=MAX_PIXELS)
    return [
        ImageFile(path.parent / image, reading, plane, series).read() for series, plane in parts[:3]
    ]


def read_envi(path: Path) -> Any:
    from spam_pipe.pipeline.datasets.images.bands import Reading
    from spam_pipe.pipeline.datasets.images.image_file import ImageFile

    path.with_suffix(".img").write_bytes(bytes(range(256)) * 8)
    return ImageFile(path, Reading(every=True, max_pixels=MAX_PIXELS)).read()


def read_cube(path: Path) -> Any:
    from spam_pipe.pipeline.datasets.images.bands import Reading
    from spam_pipe.pipeline.datasets.images.image_file import ImageFile

    return ImageFile(path, Reading(every=True, max_pixels=MAX_PIXELS)).read()


def read_dicom(path: Path) -> Any:
    from spam_pipe.pipeline.datasets.images.bands import Reading
    from spam_pipe.pipeline.datasets.images.image_file import ImageFile
    from spam_pipe.pipeline.datasets.images.stacks import parts_of

    reading = Reading(max_pixels=MAX_PIXELS)
    parts = parts_of(path, "all")
    return [ImageFile(path, reading, plane, series).read() for series, plane in parts[:3]]


def read_georeference(path: Path) -> Any:
    from spam_pipe.pipeline.datasets.images.georeference import georeference_of, mean_square_metres
    from spam_pipe.pipeline.datasets.images.image_file import ImageFile
    from spam_pipe.pipeline.items import Item

    item = Item("input", "all", ImageFile(path))
    place = georeference_of(item)
    return mean_square_metres(place, (64, 64), item) if place is not None and place.crs else None


def read_labels(path: Path) -> Any:
    from spam_pipe.pipeline.datasets.user_files.label_file import LabelFile

    return LabelFile(path, MAX_PIXELS).read()


def read_bsd(path: Path) -> Any:
    from spam_pipe.pipeline.datasets.user_files.label_file import BsdAnnotations

    return BsdAnnotations(path).read()


def read_sbd(path: Path) -> Any:
    from spam_pipe.pipeline.datasets.user_files.label_file import SbdLayers

    return SbdLayers(path).read()


def read_masks(path: Path) -> Any:
    from spam_pipe.pipeline.datasets.user_files.masks import MaskFile

    return MaskFile(path).read()


def read_mask_folder(path: Path) -> Any:
    from PIL import Image

    folder = path.with_suffix("")
    folder.mkdir(exist_ok=True)
    Image.new("L", (4, 3), 255).save(folder / "0.png")
    path.replace(folder / "metadata.csv")
    return read_masks(folder)


def read_nyuv2(path: Path) -> Any:
    from spam_pipe.pipeline.datasets.nyuv2 import FrameAnnotations, FrameImage

    image = FrameImage(path, 1).read()
    return image, FrameAnnotations(path, 1).read()


def read_prompts(path: Path) -> Any:
    from spam_pipe.pipeline.datasets.user_files.prompts import ItemPrompts, read_prompts

    for image in read_prompts(path, path.read_bytes().hex()[:64]):
        ItemPrompts(path, image).read()


def read_factors(path: Path) -> Any:
    from spam_pipe.pipeline.datasets.user_files.factor_table import ItemFactors, read_factors

    for image in read_factors(path, path.read_bytes().hex()[:64]).factors:
        ItemFactors(path, image).digest()


def read_factor_map(path: Path) -> Any:
    from spam_pipe.pipeline.datasets.user_files.factor_maps import FactorMap

    return FactorMap(path, 4.0, MAX_PIXELS).read()


def read_marks(path: Path) -> Any:
    from spam_pipe.pipeline.annotating.marks import read_marks

    return read_marks(path)


def read_external(path: Path) -> Any:
    from spam_pipe.pipeline.datasets.user_files.external import ExternalMaps

    folder = path.parent / "SEAL"
    (folder / "100").mkdir(parents=True, exist_ok=True)
    path.replace(folder / "100" / "image.csv")
    return ExternalMaps(folder, "image").read()


def read_archive(path: Path) -> Any:
    import shutil

    from spam_pipe.pipeline.fetching.archives import unpack

    inside = path.parent / "inside"
    target = inside / "target"
    target.mkdir(parents=True)
    try:
        unpack(path, target, 2**20, 1000)
    finally:
        if [each.name for each in inside.iterdir()] != ["target"]:
            raise AssertionError("something was written outside the folder")
        if any(each.is_symlink() for each in target.rglob("*")):
            raise AssertionError("a link was made")
        shutil.rmtree(inside)


def read_weights(path: Path) -> Any:
    from spam_pipe.stages.networks.weights import load_weights, read_information

    load_weights(path)
    return read_information(path)


def read_checkpoint(path: Path) -> Any:
    from spam_pipe.stages.networks.public_checkpoint import load_public_checkpoint

    return load_public_checkpoint(path)


def read_sam(path: Path) -> Any:
    from spam_pipe.stages.propose.sam_model import _read

    return _read(path)


def read_dino(path: Path) -> Any:
    from spam_pipe.stages.attention.dino import _read

    return _read(path)


def read_training(path: Path) -> Any:
    from spam_pipe.stages.train.checkpoint import NAME, load_checkpoint

    path.replace(path.with_name(NAME))
    return load_checkpoint(path.parent)
