"""Every format of masks, on real files; and what may be wrong with them."""

import csv
import json
import pickle

import numpy as np
import pytest
import scipy.io
import tifffile
import torch
from PIL import Image
from segment_anything.utils.amg import mask_to_rle_pytorch

from spam_pipe.pipeline.datasets.user_files.masks import MaskFile, MaskFolder
from spam_pipe.pipeline.errors import DataError
from spam_pipe.stages.propose.run_lengths import RunLengths

LABELS = np.zeros((6, 8), np.uint16)
LABELS[1:4, 1:5] = 300
LABELS[3:, 4:] = 7
STACK = np.stack([LABELS == 7, LABELS == 300, LABELS > 0])


def masks_of(path):
    masks = MaskFile(path).read()
    return np.stack([masks.mask(i) for i in range(len(masks))])


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy", ".mat"])
def test_label_images(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    match suffix:
        case ".png":
            Image.fromarray(LABELS).save(path)
        case ".tif":
            tifffile.imwrite(path, LABELS)
        case ".npy":
            np.save(path, LABELS)
        case ".mat":
            scipy.io.savemat(path, {"labels": LABELS})
    assert np.array_equal(masks_of(path), STACK[:2])


def test_a_palette_image_counts_its_indices(tmp_path):
    picture = Image.fromarray((LABELS % 251).astype(np.uint8), mode="L").convert("P")
    picture.putpalette([7] * 768)
    picture.save(tmp_path / "a.png")
    assert np.array_equal(masks_of(tmp_path / "a.png"), STACK[:2])


def test_one_binary_picture_is_one_mask(tmp_path):
    Image.fromarray(np.uint8(255) * (LABELS > 0)).save(tmp_path / "a.png")
    assert np.array_equal(masks_of(tmp_path / "a.png"), STACK[2:])


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32])
def test_an_npy_stack(tmp_path, kind):
    np.save(tmp_path / "a.npy", STACK.astype(kind))
    assert np.array_equal(masks_of(tmp_path / "a.npy"), STACK)


@pytest.mark.parametrize("value", [1, 255])
def test_a_tiff_of_several_pages(tmp_path, value):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for mask in STACK:
            file.write(mask.astype(np.uint8) * value, contiguous=False)
    assert np.array_equal(masks_of(tmp_path / "a.tif"), STACK)


def test_ground_truth_of_bsd_gives_its_first_annotator(bsd_root):
    path = min((bsd_root / "groundTruth" / "val").glob("*.mat"))
    first = scipy.io.loadmat(path)["groundTruth"][0, 0]["Segmentation"][0, 0]
    masks = MaskFile(path).read()
    assert masks.size == first.shape
    assert np.array_equal(masks.area, np.bincount(first.ravel())[1:])


def amg_records(stack):
    """What segment-anything's generator returns, with its own run lengths."""
    return [
        {
            "segmentation": rle,
            "area": int(mask.sum()),
            "bbox": [0, 0, 8, 6],
            "predicted_iou": 0.9 - index / 10,
            "point_coords": [[1.5, 2.5]],
            "stability_score": 0.95,
            "crop_box": [0, 0, 8, 6],
        }
        for index, (mask, rle) in enumerate(
            zip(stack, mask_to_rle_pytorch(torch.from_numpy(stack)), strict=True)
        )
    ]


def test_coco_run_lengths_as_amg_writes_them(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(amg_records(STACK)))
    assert np.array_equal(masks_of(tmp_path / "a.json"), STACK)
    np.testing.assert_allclose(MaskFile(tmp_path / "a.json").read().score, [0.9, 0.8, 0.7])


def test_compressed_coco_run_lengths(tmp_path):
    # pycocotools.mask.encode of the identity, as amg.py --convert-to-rle stores it
    record = {"segmentation": {"size": [4, 4], "counts": "01400000"}, "predicted_iou": 0.5}
    (tmp_path / "a.json").write_text(json.dumps({"annotations": [record]}))
    assert np.array_equal(masks_of(tmp_path / "a.json"), np.eye(4, dtype=bool)[None])


def write_amg_folder(folder, stack):
    """Write what `write_masks_to_folder` of amg.py writes."""
    folder.mkdir()
    with (folder / "metadata.csv").open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "area", "predicted_iou", "stability_score"])
        for index, mask in enumerate(stack):
            Image.fromarray(np.uint8(255) * mask).save(folder / f"{index}.png")
            writer.writerow([index, mask.sum(), 1 - index / 100, 0.9])


def test_a_folder_as_amg_writes_it(tmp_path):
    stack = np.stack([STACK[i % 3] for i in range(12)])
    write_amg_folder(tmp_path / "a", stack)
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(tmp_path / "a" / "3matting.png")
    assert np.array_equal(masks_of(tmp_path / "a"), stack)
    np.testing.assert_allclose(MaskFile(tmp_path / "a").read().score, 1 - np.arange(12) / 100)


def test_a_folder_without_scores(tmp_path):
    (tmp_path / "a").mkdir()
    Image.fromarray(STACK[0]).save(tmp_path / "a" / "left.png")
    assert np.array_equal(masks_of(tmp_path / "a"), STACK[:1])
    assert MaskFile(tmp_path / "a").read().score.tolist() == [1.0]


def test_no_proposals_at_all(tmp_path):
    (tmp_path / "a.json").write_text("[]")
    write_amg_folder(tmp_path / "b", STACK[:0])
    assert len(MaskFile(tmp_path / "a.json").read()) == 0
    assert len(MaskFile(tmp_path / "b").read()) == 0


def test_masks_are_found_by_the_items_id(tmp_path):
    folder = MaskFolder(tmp_path)
    (tmp_path / "street").mkdir()
    np.save(tmp_path / "street" / "12.npy", LABELS)
    write_amg_folder(tmp_path / "street" / "13", STACK)
    np.save(tmp_path / "street.npy", LABELS)
    assert folder.find("street/12") == MaskFile(tmp_path / "street" / "12.npy", "street/12")
    assert folder.find("street/13") == MaskFile(tmp_path / "street" / "13", "street/13")
    assert folder.find("street") == MaskFile(tmp_path / "street.npy", "street")
    assert pickle.loads(pickle.dumps(folder.find("street"))) == folder.find("street")


def test_what_cannot_be_found(tmp_path):
    folder = MaskFolder(tmp_path)
    with pytest.raises(DataError, match="no masks for 'a'"):
        folder.find("a")
    np.save(tmp_path / "a.npy", LABELS)
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(DataError, match=r"a\.npy and a\.json are both for 'a'"):
        folder.find("a")
    with pytest.raises(DataError, match="leads out"):
        folder.find("../a")
    with pytest.raises(DataError, match="no such folder"):
        MaskFolder(tmp_path / "b").find("a")


def test_fingerprints_follow_the_content(tmp_path):
    write_amg_folder(tmp_path / "a", STACK)
    masks = MaskFile(tmp_path / "a")
    before = masks.signature(), masks.digest()
    assert (masks.signature(), masks.digest()) == before
    Image.fromarray(STACK[2]).save(tmp_path / "a" / "0.png")
    assert masks.signature() != before[0]
    assert masks.digest() != before[1]
    np.save(tmp_path / "b.npy", LABELS)
    np.save(tmp_path / "c.npy", LABELS)
    assert MaskFile(tmp_path / "b.npy").digest() == MaskFile(tmp_path / "c.npy").digest()


BAD_JSON = {
    "is not JSON": "hello",
    "is no list": "3",
    "mask 0 has no run lengths": '[{"segmentation": {"size": [2, 3]}}]',
    "no height and width of their image": '[{"segmentation": [[1, 2, 3]]}]',
    "no list of x1, y1, x2, y2": """{
        "images": [{"id": 1, "file_name": "a.png", "height": 2, "width": 3}],
        "annotations": [{"image_id": 1, "segmentation": [[1, 2, 3]]}]
    }""",
    "sum to 3, not to 2×3": '[{"segmentation": {"size": [2, 3], "counts": [1, 2]}}]',
    "size is": '[{"segmentation": {"size": [2000000, 3000000], "counts": [1]}}]',
    "the first": '[{"size": [1, 1], "counts": [1]}, {"size": [2, 1], "counts": [2]}]',
    "whole numbers": '[{"segmentation": {"size": [1, 1], "counts": null}}]',
    "predicted_iou": '[{"size": [1, 1], "counts": [1], "predicted_iou": "high"}]',
}


@pytest.mark.parametrize("message", BAD_JSON)
def test_bad_json(tmp_path, message):
    (tmp_path / "a.json").write_text(BAD_JSON[message])
    with pytest.raises(DataError, match=message) as error:
        MaskFile(tmp_path / "a.json", "a").read()
    assert "a.json" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy", ".mat", ".json"])
def test_a_text_file_of_that_name(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"\xff\xfenot what it says")
    with pytest.raises(DataError, match="a" + suffix):
        MaskFile(path).read()


def test_pickles_are_not_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"a\.npy"):
        MaskFile(tmp_path / "a.npy").read()


def test_masks_of_different_sizes(tmp_path):
    write_amg_folder(tmp_path / "a", STACK)
    Image.fromarray(STACK[0].T).save(tmp_path / "a" / "1.png")
    with pytest.raises(DataError, match=r"mask 1 has shape \(8, 6\)"):
        MaskFile(tmp_path / "a").read()
    with tifffile.TiffWriter(tmp_path / "b.tif") as file:
        file.write(LABELS, contiguous=False)
        file.write(LABELS.T, contiguous=False)
    with pytest.raises(DataError, match=r"mask 1 has shape \(8, 6\)"):
        MaskFile(tmp_path / "b.tif").read()


def test_a_folder_without_masks(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="no PNG"):
        MaskFile(tmp_path / "a").read()


def test_labels_below_zero(tmp_path):
    np.save(tmp_path / "a.npy", LABELS.astype(int) - 1)
    with pytest.raises(DataError, match=r"a\.npy"):
        MaskFile(tmp_path / "a.npy").read()


def test_label_images_and_run_lengths_agree(tmp_path):
    np.save(tmp_path / "a.npy", LABELS)
    (tmp_path / "b.json").write_text(json.dumps(amg_records(STACK[:2])))
    a, b = MaskFile(tmp_path / "a.npy").read(), MaskFile(tmp_path / "b.json").read()
    assert isinstance(a, RunLengths)
    assert np.array_equal(a.counts, b.counts)
