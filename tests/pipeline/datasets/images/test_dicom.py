"""DICOM images, plain and compressed: seen through their window, or refused in one line."""

import importlib.util
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spam_pipe.pipeline.datasets.folder import ImageFolder
from spam_pipe.pipeline.datasets.images.bands import Reading, said_of
from spam_pipe.pipeline.datasets.images.image_file import read_picture
from spam_pipe.pipeline.errors import DataError

needs_pydicom = pytest.mark.skipif(
    importlib.util.find_spec("pydicom") is None, reason="pydicom is not installed"
)


def ids(folder: ImageFolder) -> list[str]:
    return [item.id for item in folder.items()]


def write_dicom(path: Path, values: np.ndarray, **tags: object) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    kind = "1.2.840.10008.5.1.4.1.1.2"
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = kind
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID = "1.2.3"
    header.Rows, header.Columns = values.shape[-2:]
    header.NumberOfFrames = 1 if values.ndim == 2 else len(values)
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated = header.BitsStored = 8 * values.dtype.itemsize
    header.HighBit, header.PixelRepresentation = (
        header.BitsStored - 1,
        int(values.dtype.kind == "i"),
    )
    for name, value in tags.items():
        setattr(header, name, value)
    header.PixelData = values.tobytes()
    header.save_as(path, enforce_file_format=True)


@needs_pydicom
def test_dicom_is_seen_through_its_window(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    values = np.array([[0, 1000, 1500], [2000, 3000, -2000]], np.int16)
    slope = {"RescaleSlope": "1", "RescaleIntercept": "-1000", "WindowCenter": "500.5"}
    write_dicom(path, values, **slope, WindowWidth="1001", PixelPaddingValue=-2000)
    made = read_picture(path)
    # The window is from 0 to 1000 in units that the slope gives.
    assert made.pixels[..., 0].tolist() == [[0, 0, 128], [255, 255, 255]]
    assert made.valid is not None
    assert made.valid.tolist() == [[True] * 3, [True, True, False]]
    assert made.facts["limits"] == [[0.0, 1000.0]]
    write_dicom(path, values, **slope, WindowWidth="1001", PhotometricInterpretation="MONOCHROME1")
    assert read_picture(path).pixels[0, :, 0].tolist() == [255, 255, 128]


@needs_pydicom
def test_frames_of_dicom(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
    assert ids(ImageFolder(tmp_path)) == ["a"]
    first, second = ImageFolder(tmp_path, planes="all").items()
    assert (first.id, second.id) == ("a#f0", "a#f1")
    assert second.image.read()[0, :, 0].tolist() == [6, 7, 8]


@needs_pydicom
@pytest.mark.parametrize("kind", [np.uint8, np.int16])
def test_dicom_in_run_lengths(tmp_path: Path, kind: type) -> None:
    from pydicom import dcmread
    from pydicom.uid import RLELossless

    values = np.repeat(np.arange(24, dtype=kind).reshape(2, 3, 4), 5, axis=2)
    write_dicom(tmp_path / "plain.dcm", values)
    compressed = dcmread(tmp_path / "plain.dcm")
    compressed.compress(RLELossless)
    compressed.save_as(tmp_path / "packed.dcm")
    for plane in ("f0", "f1"):
        plain, packed = (
            read_picture(tmp_path / f"{n}.dcm", plane=plane) for n in ("plain", "packed")
        )
        np.testing.assert_array_equal(packed.pixels, plain.pixels)
        assert packed.facts == plain.facts


def write_encapsulated_dicom(path: Path, content: bytes, syntax: str) -> None:
    """Write 16 × 8 grey pixels that something else has compressed."""
    from pydicom import dcmread
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID

    write_dicom(path, np.zeros((8, 16), np.uint8))
    header = dcmread(path)
    header.file_meta.TransferSyntaxUID = UID(syntax)
    header.PixelData = encapsulate([content])
    header.save_as(path)


JPEG, JPEG_LS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.80"


def decodes(syntax: str) -> bool:
    if importlib.util.find_spec("pydicom") is None:
        return False
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    return bool(get_decoder(UID(syntax)).is_available)


@pytest.mark.skipif(not decodes(JPEG), reason="nothing is installed that pydicom decodes JPEG with")
def test_dicom_in_jpeg(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(16, dtype=np.uint8) * 16, (8, 1))
    content = io.BytesIO()
    Image.fromarray(ramp).save(content, "JPEG", quality=100)
    write_encapsulated_dicom(tmp_path / "a.dcm", content.getvalue(), JPEG)
    shown = read_picture(tmp_path / "a.dcm").pixels[..., 0].astype(int)
    assert np.abs(shown - ramp).max() <= 2
    content = tmp_path / "a.dcm"
    content.write_bytes(content.read_bytes()[:-60])
    with pytest.raises(DataError, match=r"a\.dcm: is not a DICOM image that can be read"):
        read_picture(tmp_path / "a.dcm")


@needs_pydicom
def test_dicom_that_nothing_decodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pydicom.pixels.decoders.base import Decoder

    monkeypatch.setattr(Decoder, "is_available", property(lambda self: False))
    write_encapsulated_dicom(tmp_path / "a.dcm", b"nothing", JPEG_LS)
    with pytest.raises(DataError) as caught:
        read_picture(tmp_path / "a.dcm")
    assert str(caught.value) == (
        f"{tmp_path / 'a.dcm'}: nothing here decompresses JPEG-LS Lossless Image Compression "
        "pixels: pip install python-gdcm, or save it uncompressed"
    )
    write_encapsulated_dicom(tmp_path / "a.dcm", b"nothing", "1.2.840.10008.1.2.4.100")
    with pytest.raises(DataError, match=r"pydicom knows no MPEG2 .* pixels\); save it as PNG"):
        read_picture(tmp_path / "a.dcm")


def test_dicom_without_pydicom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.dcm").touch()
    monkeypatch.setitem(sys.modules, "pydicom", None)
    (item,) = ImageFolder(tmp_path).items()
    with pytest.raises(DataError, match=r"a\.dcm: .*pip install 'spam-pipe\[dicom\]'"):
        item.image.read()


@needs_pydicom
def test_what_is_no_dicom(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match=r"a\.dcm: is not a DICOM image"):
        read_picture(tmp_path / "a.dcm")


@needs_pydicom
def test_the_limit_holds_for_dicom(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", np.zeros((6, 7), np.uint8))
    with pytest.raises(DataError, match="--max-megapixels"):
        read_picture(tmp_path / "a.dcm", Reading(max_pixels=30))


@needs_pydicom
@pytest.mark.parametrize("representation", ["US", "SS"])
@pytest.mark.parametrize(("kind", "bits"), [(np.int16, 16), (np.int16, 12), (np.uint16, 16)])
@pytest.mark.parametrize("limit", [None, -1990])
def test_padding_is_found_whatever_its_representation(
    tmp_path: Path, representation: str, kind: type, bits: int, limit: int | None
) -> None:
    import pydicom

    path = tmp_path / "a.dcm"
    values = np.array([[-2000, 5, -1995], [7, 900, -1980]], np.int16)
    stored = values if kind == np.int16 else values.view(np.uint16)
    write_dicom(path, stored, BitsStored=bits, HighBit=bits - 1)
    file = pydicom.dcmread(path)
    for tag, padding in ((0x00280120, -2000), (0x00280121, limit)):
        if padding is not None:
            said = padding if representation == "SS" else padding & 0xFFFF
            file.add_new(tag, representation, said)
    file.save_as(path)
    valid = read_picture(path).valid
    assert valid is not None
    hidden = [[0, 0]] if limit is None else [[0, 0], [0, 2]]
    assert np.argwhere(~valid).tolist() == hidden


@needs_pydicom
@pytest.mark.parametrize("name", ["IM0001", "1.2.840.113619.2.55", "a.ima", "B.DCM"])
def test_dicom_by_any_name(tmp_path: Path, name: str) -> None:
    write_dicom(tmp_path / name, np.arange(12, dtype=np.uint16).reshape(3, 4))
    (tmp_path / "notes").write_text("no image")
    (item,) = ImageFolder(tmp_path).items()
    assert item.image.read().shape == (3, 4, 3)


@needs_pydicom
def test_window_and_slope_of_an_enhanced_image(tmp_path: Path) -> None:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    def of(**values: object) -> Sequence:
        made = Dataset()
        for key, value in values.items():
            setattr(made, key, value)
        return Sequence([made])

    path = tmp_path / "a.dcm"
    frames = np.stack([np.array([[0, 50, 100]], np.uint16)] * 2)
    shared = of(
        PixelValueTransformationSequence=of(
            RescaleIntercept="-50", RescaleSlope="1", RescaleType="US"
        )
    )
    own = Sequence(
        [
            of(FrameVOILUTSequence=of(WindowCenter="0.5", WindowWidth=str(width)))[0]
            for width in (101, 201)
        ]
    )
    write_dicom(
        path,
        frames,
        SharedFunctionalGroupsSequence=shared,
        PerFrameFunctionalGroupsSequence=own,
    )
    assert read_picture(path, plane="f0").pixels[0, :, 0].tolist() == [0, 128, 255]
    assert read_picture(path, plane="f1").pixels[0, :, 0].tolist() == [64, 128, 191]
    assert read_picture(path).facts["first_of"] == {"f": 2}


@needs_pydicom
def test_a_table_of_grey_values_is_applied_where_there_is_no_window(tmp_path: Path) -> None:
    from pydicom.dataset import Dataset

    table = Dataset()
    table.LUTDescriptor = [4, 100, 10]
    table.add_new("LUTData", "US", [1023, 512, 256, 0])
    values = np.array([[99, 100, 101, 102, 103, 900]], np.uint16)
    write_dicom(tmp_path / "a.dcm", values, VOILUTSequence=[table])
    wanted = np.rint(np.array([1023, 1023, 512, 256, 0, 0]) / 1023 * 255)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.dcm").pixels[0, :, 0], wanted)
    window = {"WindowCenter": "101.5", "WindowWidth": "4"}
    write_dicom(tmp_path / "b.dcm", values, VOILUTSequence=[table], **window)
    assert read_picture(tmp_path / "b.dcm").pixels[0, 0, 0] == 0


@needs_pydicom
def test_overlays_and_other_frames_are_said(tmp_path: Path) -> None:
    frames = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    size = {"Rows": 4, "Columns": 5, "NumberOfFrames": 2, "BitsAllocated": 8, "BitsStored": 8}
    write_dicom(tmp_path / "a.dcm", frames.reshape(2, -1), **colour, **size, HighBit=7)
    made = read_picture(tmp_path / "a.dcm")
    np.testing.assert_array_equal(made.pixels, frames[0])
    assert said_of(made.facts) == "the first of 2 frames"
    # 12 bits of 16, and a drawing in the highest.
    drawn = np.array([[5, 5 | 0x8000]], np.uint16)
    overlay = {"BitsStored": 12, "HighBit": 11, "WindowCenter": "8", "WindowWidth": "16"}
    write_dicom(tmp_path / "b.dcm", drawn, **overlay)
    import pydicom

    header = pydicom.dcmread(tmp_path / "b.dcm")
    header.add_new((0x6000, 0x0010), "US", 1)
    header.save_as(tmp_path / "b.dcm")
    made = read_picture(tmp_path / "b.dcm")
    assert made.pixels[0, 0].tolist() == made.pixels[0, 1].tolist()
    assert said_of(made.facts) == "1 overlay not drawn"


@needs_pydicom
def test_bits_that_are_not_the_lowest_are_refused(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", np.ones((2, 2), np.uint16), BitsStored=12, HighBit=15)
    with pytest.raises(DataError, match=r"a\.dcm: its highest bit is 15 where 12 bits are stored"):
        read_picture(tmp_path / "a.dcm")


@needs_pydicom
@pytest.mark.parametrize(
    ("stored", "tags", "seen"),
    [
        ([0, 1], {"BitsStored": 1, "HighBit": 0}, [0, 255]),
        ([0, 21, 63], {"BitsStored": 6, "HighBit": 5}, [0, 85, 255]),
        ([0, 21, 255], {}, [0, 21, 255]),
    ],
)
def test_few_bits_are_spread(
    tmp_path: Path, stored: list[int], tags: dict[str, int], seen: list[int]
) -> None:
    write_dicom(tmp_path / "a.dcm", np.array([stored], np.uint8), **tags)
    assert read_picture(tmp_path / "a.dcm").pixels[0, :, 0].tolist() == seen


@needs_pydicom
def test_a_window_may_be_a_sigmoid(tmp_path: Path) -> None:
    window = {"WindowCenter": "500", "WindowWidth": "400", "VOILUTFunction": "SIGMOID"}
    values = np.array([[0, 300, 500, 600, 4000]], np.uint16)
    write_dicom(tmp_path / "a.dcm", values, **window)
    wanted = np.rint(255 / (1 + np.exp(-4 * (values[0] - 500.0) / 400)))
    np.testing.assert_array_equal(read_picture(tmp_path / "a.dcm").pixels[0, :, 0], wanted)
