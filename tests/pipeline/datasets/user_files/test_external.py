"""Label maps made elsewhere, and the other methods, through the real commands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import tifffile
from PIL import Image

from spam_pipe.pipeline.datasets.user_files.external import ExternalMaps, require_maps
from spam_pipe.pipeline.errors import ConfigError, DataError, UserError
from spam_pipe.pipeline.store.store import Store

Command = Callable[..., dict[str, Any]]

LABELS = (np.arange(40 * 60).reshape(40, 60) // 240 * 3 + 5).astype(np.uint16)
"""Ten strips with gaps between their labels."""


def write(folder: Path, count: int, name: str, labels: np.ndarray = LABELS) -> Path:
    """Write a map in the format that the name's suffix says."""
    path = folder / "SEAL" / str(count) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix:
        case ".png":
            Image.fromarray(labels).save(path)
        case ".npy":
            np.save(path, labels)
        case ".mat":
            scipy.io.savemat(path, {"labels": labels})
        case ".csv":
            np.savetxt(path, labels, fmt="%d", delimiter=",")
        case ".tif":
            tifffile.imwrite(path, labels)
    return path


@pytest.mark.parametrize("suffix", [".png", ".npy", ".mat", ".csv", ".tif"])
def test_every_format_reads_as_written(tmp_path: Path, suffix: str) -> None:
    write(tmp_path, 10, f"a{suffix}")
    write(tmp_path, 20, f"a{suffix}", LABELS // 2)
    maps = ExternalMaps(tmp_path / "SEAL", "a").read()
    assert sorted(maps) == [10, 20]
    assert np.array_equal(maps[10], LABELS)
    assert np.array_equal(maps[20], LABELS // 2)


def test_a_changed_map_changes_the_digest_and_nothing_else_does(tmp_path: Path) -> None:
    source = ExternalMaps(tmp_path / "SEAL", "a")
    write(tmp_path, 10, "a.npy")
    before = source.digest()
    write(tmp_path, 10, "b.npy", LABELS + 1)
    (tmp_path / "SEAL" / "notes").mkdir()
    assert source.digest() == before
    write(tmp_path, 10, "a.npy", LABELS + 1)
    assert source.digest() != before


def test_an_id_with_folders_is_found_in_folders(tmp_path: Path) -> None:
    write(tmp_path, 10, "deep/er/a.npy")
    assert sorted(ExternalMaps(tmp_path / "SEAL", "deep/er/a").read()) == [10]
    with pytest.raises(DataError, match="leads out of the folder"):
        ExternalMaps(tmp_path / "SEAL", "../a").read()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,2\n3,x\n", "not a label map: write integers separated by commas"),
        ("1,2\n3\n", "not a label map"),
        ("1,-2\n", "labels must lie between 0"),
    ],
)
def test_a_damaged_csv_names_the_file(tmp_path: Path, content: str, message: str) -> None:
    path = write(tmp_path, 10, "a.csv")
    path.write_text(content)
    with pytest.raises(DataError, match=rf"10/a\.csv: .*{message}"):
        ExternalMaps(tmp_path / "SEAL", "a").read()


def test_two_maps_for_one_image_are_refused(tmp_path: Path) -> None:
    write(tmp_path, 10, "a.csv")
    write(tmp_path, 10, "a.png")
    with pytest.raises(DataError, match=r"a\.png and a\.csv are both for 'a'; keep one"):
        ExternalMaps(tmp_path / "SEAL", "a").read()


def test_several_maps_in_one_file_are_refused(tmp_path: Path) -> None:
    write(tmp_path, 10, "a.npy", np.stack([LABELS, LABELS]))
    with pytest.raises(DataError, match="holds 2 label maps; one is expected"):
        ExternalMaps(tmp_path / "SEAL", "a").read()


def test_a_method_s_folder_holds_folders_of_the_numbers_asked_for(tmp_path: Path) -> None:
    folder = str(tmp_path / "SEAL")
    with pytest.raises(DataError, match=r"no such folder of label maps; segment\.external is"):
        require_maps(folder, [10])
    (tmp_path / "SEAL" / "first").mkdir(parents=True)
    with pytest.raises(DataError, match="no folder 10; there is one for no number"):
        require_maps(folder, [10])
    write(tmp_path, 10, "a.npy")
    write(tmp_path, 9, "a.npy")
    assert require_maps(folder, [10, 9]) == tmp_path / "SEAL"
    with pytest.raises(DataError, match="no folder 20, 30; there is one for 9, 10: ask for those"):
        require_maps(folder, [10, 20, 30])


def external(folder: Path) -> dict[str, Any]:
    return {
        "method": "external:SEAL",
        "assignments": [f"segment.external={folder}"],
        "n_superpixels": "10",
    }


def test_external_maps_enter_the_tables_and_bad_ones_fail_alone(
    command: Command, pictures: Path, tmp_path: Path
) -> None:
    maps = tmp_path / "maps"
    for number in range(4):
        write(maps, 10, f"{number:03d}.png")
    write(maps, 10, "004.npy", LABELS[:, :50])
    write(maps, 20, "005.npy")
    dataset = {
        "dataset": str(pictures / "images"),
        "ground_truth": str(pictures / "truth"),
        "run": "compared",
    }
    found = command("report", **dataset, **external(maps))
    assert (found["status"], found["computed"], found["failed"]) == (1, 4, 2)
    (row,) = found["summary"]
    assert (row["method"], row["prior"]) == ("external:SEAL", "none")
    assert (row["n_superpixels_mean"], row["n_images"], row["n_failed"]) == (10, 4, 2)
    failures = (tmp_path / "outputs" / "compared" / "failures.csv").read_text()
    assert "label map for 10 superpixels is (40, 50) where the image is (40, 60)" in failures
    assert "no label map for 10 superpixels (there is one for: 20)" in failures

    again = command("report", **dataset, **external(maps), skip_failed=True)
    assert (again["computed"], again["complete"]) == (0, 4)
    write(maps, 10, "000.png", LABELS // 6)
    changed = command("report", **dataset, **external(maps), skip_failed=True)
    assert (changed["computed"], changed["complete"]) == (1, 3)


def test_ground_truth_is_read_for_the_method_made_of_it_alone(
    command: Command, pictures: Path, tmp_path: Path
) -> None:
    dataset = {
        "dataset": str(pictures / "images"),
        "ground_truth": str(pictures / "truth"),
        "n_superpixels": "12",
        "limit": 2,
        "run": "ceiling",
    }
    found = command("report", **dataset, method="ground-truth")
    assert found["summary"][0]["asa_mean"] == 1
    command("segment", **dataset, method="grid")
    truth = pictures / "truth" / "000.png"
    Image.fromarray(np.asarray(Image.open(truth)) // 2).save(truth)
    assert command("segment", **dataset, method="grid")["computed"] == 0
    assert command("segment", **dataset, method="ground-truth")["computed"] == 1


def test_an_image_without_ground_truth_fails_for_the_method_made_of_it(
    command: Command, pictures: Path
) -> None:
    found = command(
        "segment", dataset=str(pictures / "images"), method="ground-truth", limit=1, run="none"
    )
    assert (found["status"], found["failed"]) == (1, 1)


def test_options_of_another_method_leave_results_alone(
    command: Command, pictures: Path, tmp_path: Path
) -> None:
    """From a file they are taken, which may serve several methods; of the command none is."""
    dataset = {"dataset": str(pictures / "images"), "n_superpixels": "10", "limit": 1, "run": "a"}
    assert command("segment", **dataset, method="grid")["computed"] == 1
    (tmp_path / "all.toml").write_text("[segment.slic]\ncompactness = 20\n")
    tuned = command("segment", **dataset, method="grid", config=str(tmp_path / "all.toml"))
    assert tuned["computed"] == 0
    with pytest.raises(ConfigError, match=r"compactness: decides nothing of --method grid$"):
        command("segment", **dataset, method="grid", assignments=["segment.slic.compactness=20"])


def test_adding_a_count_gives_what_asking_for_both_would(
    command: Command, pictures: Path, tmp_path: Path
) -> None:
    dataset = {"dataset": str(pictures / "images"), "method": "felzenszwalb", "limit": 1}
    command("segment", **dataset, n_superpixels="6,15", run="both")
    command("segment", **dataset, n_superpixels="15", run="one")
    made = []
    for run in ("both", "one"):
        (path,) = (tmp_path / "outputs" / run).glob("segment-*.zarr")
        from spam_pipe.pipeline.store.folder import open_folder

        _, output = Store(open_folder(str(path.parent)), path.name).read("000", 15)
        made.append(output)
    assert np.array_equal(made[0].arrays["labels"], made[1].arrays["labels"])
    assert made[0].attributes == made[1].attributes
    assert made[0].attributes["knob"] == "scale"


def test_what_a_method_needs_is_missed_before_any_item(
    command: Command, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = {"dataset": str(pictures / "images"), "run": "early"}
    monkeypatch.setattr("spam_pipe.stages.methods.names.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"--method seeds needs OpenCV: pip install"):
        command("segment", **dataset, method="seeds")
    with pytest.raises(UserError, match="no such folder of label maps"):
        command("segment", **dataset, **external(tmp_path / "nowhere"))
    assert not (tmp_path / "outputs" / "early" / "failures.csv").exists()
