"""What was labelled and steered, as files to take away."""

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spam_pipe.pipeline.datasets.images.georeference import georeference_of
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.exporting.formats import file_name
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.serving.labelling import CLASSES, table_of
from spam_pipe.pipeline.serving.steering import TABLE
from spam_pipe.stages.csv_cells import csv_lines

if TYPE_CHECKING:
    from spam_pipe.pipeline.serving.session import Session

KINDS = ("masks.zip", "coco.json", "geotiff.zip", "attention.csv", "attention.zip", "clicks.csv")
_TYPES = {"zip": "application/zip", "json": "application/json", "csv": "text/csv; charset=utf-8"}


def export(session: "Session", kind: str) -> tuple[bytes, str, str]:
    """Return an export's content, media type and file name.

    Parameters
    ----------
    session
        What was worked on.
    kind
        One of `KINDS`.

    Raises
    ------
    DataError
        When there is nothing to export.
    """
    makers = {
        "masks.zip": _masks,
        "coco.json": _coco,
        "geotiff.zip": _geotiffs,
        "attention.csv": _attention,
        "attention.zip": _attention_with_masks,
        "clicks.csv": _clicks,
    }
    content = makers[kind](session)
    return content, _TYPES[kind.rpartition(".")[2]], kind


def _labelled(session: "Session") -> Iterator[Item]:
    found = False
    for item in session.items.values():
        if session.labelling.is_labelled(item):
            found = True
            yield item
    if not found:
        raise DataError("no image is labelled yet")


def _masks(session: "Session") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for item in _labelled(session):
            png = session.labelling.path(item).read_bytes()
            archive.writestr(file_name(item.id, ".png"), png)
        archive.writestr(CLASSES, table_of(session.labelling.classes))
    return content.getvalue()


def _coco(session: "Session") -> bytes:
    """Return a COCO file: a region per class and image, as run lengths."""
    from spam_pipe.pipeline.exporting.label_files import coco_records

    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, item in enumerate(_labelled(session), start=1):
        height, width = session.shape(item)
        images.append({"id": number, "file_name": item.id, "width": width, "height": height})
        mask = session.labelling.mask(item, (height, width))
        for record in coco_records(mask, background=0):
            annotations.append(
                {
                    **record,
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": record["id"],
                    "iscrowd": 1,  # COCO's word for what is given as run lengths
                }
            )
    categories = [{"id": each.number, "name": each.name} for each in session.labelling.classes]
    return json.dumps(
        {"images": images, "annotations": annotations, "categories": categories}
    ).encode()


def _geotiffs(session: "Session") -> bytes:
    from spam_pipe.pipeline.exporting.label_files import encode_geotiff

    content = io.BytesIO()
    n = 0
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for item in _labelled(session):
            place = georeference_of(item)
            if place is not None:
                mask = session.labelling.mask(item, session.shape(item))
                archive.writestr(file_name(item.id, ".tif"), encode_geotiff(mask, place, nodata=0))
                n += 1
    if not n:
        raise DataError("no labelled image is georeferenced; take the masks as PNG")
    return content.getvalue()


def _attention(session: "Session") -> bytes:
    content = session.folder.read(TABLE)
    if content is None:
        raise DataError("no object has a factor yet")
    return content


def _attention_with_masks(session: "Session") -> bytes:
    """Return the table and the masks of drawn objects that it names."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(TABLE, _attention(session))
        for name in session.steering.mask_names():
            archive.writestr(name, session.folder.read(name) or b"")
    return content.getvalue()


def _clicks(session: "Session") -> bytes:
    """Return what people did to the masks, with times, in order of the images."""
    rows: list[tuple[object, ...]] = [
        ("time", "image", "tool", "class", "x", "y", "k", "pixels", "undone")
    ]
    for item in session.items.values():
        journal = session.labelling.journal(item.id)
        for undone, actions in ((0, journal.done), (1, journal.undone)):
            for each in actions:
                time = datetime.fromtimestamp(each["t"], UTC).isoformat(timespec="milliseconds")
                place = [each.get(name, "") for name in ("x", "y", "level")]
                pixels = sum(each["runs"][1::2])
                rows.append((time, item.id, each["tool"], each["class"], *place, pixels, undone))
    return csv_lines(rows).encode()
