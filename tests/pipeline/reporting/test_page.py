"""The page of a run, read as text: what it says, and that bad runs get an honest one."""

import re
import shlex
import shutil
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spam_pipe.pipeline.cli.app import app
from spam_pipe.pipeline.runs.sweep_record import SkippedPoint, SweepRecord
from spam_pipe.pipeline.store.folder import LocalFolder
from spam_pipe.stages.networks.files import find_weights
from tests.pipeline.reporting.page_runs import HOSTILE, bring, data_of, draw, page_of


class Outline(HTMLParser):
    """What a browser would find: visible text, tags, addresses, handlers."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.words: list[str] = []
        self._hidden = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self._hidden += tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(folder: Path) -> tuple[str, Outline]:
    html = page_of(folder)
    return html, Outline(html)


@pytest.fixture(scope="module")
def two_methods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two methods on pictures with hostile names."""
    folder = tmp_path_factory.mktemp("two")
    pictures = draw(folder / "pictures", HOSTILE)
    for method in ("slic", "spam"):
        assert bring("evaluate", folder / "outputs", pictures, method=method) == 0
    return folder / "outputs"


def test_a_method_that_failed_everywhere_beside_others(tmp_path: Path) -> None:
    pictures = draw(tmp_path / "pictures")
    assert bring("report", tmp_path / "outputs", pictures, method="slic") == 0
    assert bring("report", tmp_path / "outputs", pictures, method="grid") == 0
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"nothing")
    assignments = ["segment.network=trunk", f"segment.weights={damaged}"]
    options = {"method": "spam", "assignments": assignments}
    assert bring("report", tmp_path / "outputs", pictures, **options) == 1
    _, outline = read(tmp_path / "outputs")
    assert "6 images failed." in outline.text
    assert re.search(r"Beside (slic|grid)", outline.text)


def test_a_size_at_which_every_image_failed(tmp_path: Path) -> None:
    pictures = draw(tmp_path / "pictures")
    metres = {"n_superpixels": None, "superpixel_size": "20m,10m"}
    assert bring("report", tmp_path / "outputs", pictures, method="grid", **metres) == 1
    summary = (tmp_path / "outputs/small/report/summary.md").read_text()
    assert ("| 20 m |" in summary, "| 10 m |" in summary) == (True, True)


def test_superpixels_asked_for_by_size(tmp_path: Path) -> None:
    pictures = draw(tmp_path / "pictures")
    given = {"n_superpixels": None, "superpixel_size": "10,20"}
    for method in ("slic", "spam"):
        assert bring("report", tmp_path / "outputs", pictures, method=method, **given) == 0
    html, outline = read(tmp_path / "outputs")
    assert "2 methods on 6 images, asked for superpixels of 20 px, 10 px." in outline.text
    assert "K = " not in outline.text
    assert data_of(html)["sizes"] == {"6": "20 px", "24": "10 px"}
    statistics = tmp_path / "outputs/small/report/statistics/comparisons.md"
    assert "| ASA | 20 px | 10 px |" in statistics.read_text()
    assert "(ASA, size 20 px)" in statistics.read_text()


def test_pictures_are_of_the_run_s_own_method_and_its_counts(tmp_path: Path) -> None:
    pictures = draw(tmp_path / "pictures", count=2)
    slic = {"method": "slic", "n_superpixels": "4,9"}
    assert bring("report", tmp_path / "outputs", pictures, **slic) == 0
    # Its options in words are the same, "by default"; its superpixels are others.
    assert bring("report", tmp_path / "outputs", pictures, method="grid", n_superpixels="16") == 0
    assert (tmp_path / "outputs/small/report/pictures.png").is_file()


def test_the_page_is_one_file_that_needs_no_other(two_methods: Path) -> None:
    html, outline = read(two_methods)
    assert {address[:1] for address in outline.addresses} <= {"#", "d"}
    assert outline.addresses.count("data:,") == 1
    assert "default-src 'none'" in html
    assert "link" in outline.tags
    assert outline.tags.count("script") == 4


def test_it_says_what_was_run(two_methods: Path) -> None:
    _, outline = read(two_methods)
    assert "2 methods on 6 images, asked for 4, 9, 16 superpixels." in outline.text
    assert "failed." not in outline.text
    assert "Not finished" not in outline.text


def test_file_names_cannot_become_markup(two_methods: Path) -> None:
    html, outline = read(two_methods)
    assert outline.handlers == []
    assert "img" not in outline.tags
    assert not any(name in html for name in HOSTILE[:2])
    names = {picture["name"] for picture in data_of(html)["pictures"]}
    assert set(HOSTILE) <= names
    assert "49" not in names


def test_provenance_names_versions_and_differences(two_methods: Path) -> None:
    _, outline = read(two_methods)
    assert "numpy" in outline.text
    assert "Computed on cpu" in outline.text
    assert re.search(r"segment\.method\s+\S+ \S+", outline.text)


def test_the_commands_make_the_results_again(two_methods: Path, tmp_path: Path) -> None:
    """Each method's command, run in another folder, gives the same row."""
    html, _ = read(two_methods)
    found = re.search(r"repeats the report\"><code>(.*?)</code>", html, re.S)
    assert found is not None
    commands = unescape(found[1]).splitlines()
    assert len(commands) == 2
    said = {"--method slic" in each: "segment.network=none" in each for each in commands}
    assert said == {True: False, False: True}  # slic would refuse to be told of a network
    for command in commands:
        words = shlex.split(command)
        assert words[:2] == ["spam-pipe", "report"]
        done = CliRunner().invoke(app, ["evaluate", *words[2:], "--outputs", str(tmp_path), "-q"])
        assert done.exit_code == 0, done.output
    assert data_of(page_of(tmp_path))["figures"] == data_of(html)["figures"]


def test_weights_are_named_by_their_hash_and_what_they_have_seen(tmp_path: Path) -> None:
    pictures = draw(tmp_path / "pictures", count=1)
    options = {"assignments": ["segment.network=trunk"], "n_superpixels": "4"}
    assert bring("evaluate", tmp_path, pictures, **options) == 0
    _, outline = read(tmp_path)
    assert sha256(find_weights("trunk").read_bytes()).hexdigest() in outline.text
    assert "trunk, trained on BSDS500 train" in outline.text


def test_one_image_has_no_interval_and_says_so(tmp_path: Path) -> None:
    pictures = draw(tmp_path / "pictures", count=1)
    for method in ("slic", "spam"):
        assert bring("evaluate", tmp_path, pictures, method=method) == 0
    _, outline = read(tmp_path)
    assert "One image only: no interval can be given, and no test made." in outline.text
    assert "±" not in outline.text
    assert "Beside" not in outline.text


def test_all_items_failed(tmp_path: Path) -> None:
    pictures = draw(tmp_path / "pictures", count=3)
    for image in (pictures / "images").iterdir():
        image.write_bytes(b"not an image")
    assert bring("report", tmp_path, pictures) == 1
    html, outline = read(tmp_path)
    assert "Not one image could be measured: there are no figures." in outline.text
    assert "3 images failed." in outline.text
    assert [name for name in ("000", "001", "002") if name in outline.text] == ["000", "001", "002"]
    assert 'id="data"' not in html


def test_failed_items_are_counted_and_listed(tmp_path: Path) -> None:
    pictures = draw(tmp_path / "pictures", (HOSTILE[0],), count=3)
    (pictures / "images" / f"{HOSTILE[0]}.png").write_bytes(b"not an image")
    assert bring("report", tmp_path, pictures) == 1
    html, outline = read(tmp_path)
    assert "1 image failed." in outline.text
    assert HOSTILE[0] in outline.text
    assert HOSTILE[0] not in html
    assert "2 of 3" in outline.text


def test_a_half_done_run_says_how_much_is_in(tmp_path: Path) -> None:
    pictures = draw(tmp_path / "pictures")
    bring("evaluate", tmp_path, pictures, method="slic", limit=2)
    assert bring("evaluate", tmp_path, pictures, method="spam") == 0
    _, outline = read(tmp_path)
    assert "Not finished: 24 of 36 results are in (67 %)." in outline.text


def test_skipped_points_are_listed_with_reasons(two_methods: Path, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    shutil.copytree(two_methods, outputs)
    skipped = (SkippedPoint("SAM <ViT-H>", "weights missing: spam-pipe weights fetch sam-vit-h"),)
    SweepRecord("figure", "slic", (), skipped).save(LocalFolder(outputs / "small"))
    html, outline = read(outputs)
    assert "1 point of the sweep could not run here." in outline.text
    assert "SAM <ViT-H> weights missing: spam-pipe weights fetch sam-vit-h" in outline.text
    assert "SAM <ViT-H>" not in html
    assert "spam-pipe sweep figure --run small" in outline.text
