"""What is out of date is shown, exported and ranked nowhere: one answer for all commands."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spam_pipe.pipeline.commands.annotate import annotate_run
from spam_pipe.pipeline.commands.export import export_run
from spam_pipe.pipeline.commands.look import show_status
from spam_pipe.pipeline.commands.simulate import simulate_run
from spam_pipe.pipeline.commands.verify import verify_run
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.session.other_options import (
    AnnotateOptions,
    ExportOptions,
    VerifyOptions,
)
from tests.conftest import draw_images


def test_a_result_of_another_image_is_used_nowhere(
    command: Callable[..., dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = draw_images(tmp_path / "drawn", 2)
    images, truth = str(drawn / "images"), str(drawn / "truth")
    given = {"dataset": images, "ground_truth": truth, "method": "grid", "n_superpixels": "6"}
    command("evaluate", **given)
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(drawn / "images/000.png")
    outputs = str(tmp_path / "outputs")

    def said() -> dict[str, Any]:
        return dict(json.loads(capsys.readouterr().out))

    capsys.readouterr()
    show_status(outputs, None, None, as_json=True)
    assert said()["methods"][0]["stale"] == 1
    assert export_run(ExportOptions(str(tmp_path / "to"), outputs=outputs, as_json=True)) == 0
    found = said()
    assert (found["written"], found["stale"]) == (1, 1)
    assert [path.name for path in (tmp_path / "to").rglob("*.png")] == ["001.png"]
    simulate_run(AnnotateOptions(simulate=3, outputs=outputs, as_json=True))
    assert said()["n_images"] == 1
    clicks = tmp_path / "clicks.csv"
    clicks.write_text("image,x,y,class\n000,1,1,1\n")
    with pytest.raises(UserError, match="not one image"):
        annotate_run(AnnotateOptions(str(clicks), outputs=outputs))
    assert "out of date; `spam-pipe segment --run images` makes" in capsys.readouterr().err
    assert verify_run(VerifyOptions(outputs=outputs, as_json=True)) == 1
    assert {each["finding"] for each in said()["findings"]} == {"outdated"}
    # The report makes it anew first.
    assert command("report")["stale"] == {"segment": 1, "evaluate": 1}
