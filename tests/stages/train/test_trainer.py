import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter

import numpy as np
import pytest
import torch

from spam_pipe.stages.networks.config import EfficientUNetConfig, SsnConfig, TrunkConfig
from spam_pipe.stages.networks.weights import load_weights, save_weights
from spam_pipe.stages.train.checkpoint import NAME, load_checkpoint, save_checkpoint
from spam_pipe.stages.train.config import AugmentConfig, LossConfig, TrainConfig
from spam_pipe.stages.train.learner import draw_channels, make_learner
from spam_pipe.stages.train.log import read_rows
from spam_pipe.stages.train.samples import Source, make_example
from spam_pipe.stages.train.schedule import Schedule
from spam_pipe.stages.train.trainer import BEST, LAST, train
from spam_pipe.stages.train.validation import Figures, Score
from tests.conftest import PROJECT, wait_until

CONFIG = TrainConfig(
    network=TrunkConfig(widths=(4, 4, 6, 6, 8), up_widths=(4, 4, 6, 6), channels=3),
    augment=AugmentConfig(crop=24, annotators=2),
    grids=(2, 3),
    batch=4,
    steps=6,
    warm_up=2,
    half_precision=False,
    save_minutes=1000,
)


@pytest.fixture(autouse=True)
def _threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def scenes(count=4, side=40, noise=30):
    """Bright and dark blobs, with their exact regions from two annotators."""
    random = np.random.default_rng(0)
    row, column = np.indices((side, side))
    made = []
    for _ in range(count):
        centre = random.uniform(side * 0.3, side * 0.7, 2)
        inside = np.hypot(row - centre[0], column - centre[1]) < side / 4
        grain = random.normal(0, noise, (side, side, 3))
        image = np.clip(np.where(inside, 150, 100)[..., None] + grain, 0, 255).astype(np.uint8)
        made.append(make_example(image, [inside.astype(np.uint8), inside.astype(np.uint8)]))
    return [Source(made)]


def state(folder):
    saved = load_checkpoint(folder)
    assert saved is not None
    return saved["learner"]


def assert_same(one, other):
    assert one["step"] == other["step"]
    for part in ("network", "average"):
        for name, tensor in one[part].items():
            assert torch.equal(tensor, other[part][name]), name
    for slot, values in one["optimizer"]["state"].items():
        for name, tensor in values.items():
            assert torch.equal(tensor, other["optimizer"]["state"][slot][name])


class CutError(Exception):
    pass


def cut_after(step):
    def on_progress(progress):
        if progress.step == step:
            raise CutError

    return on_progress


def test_a_cut_run_ends_as_an_uncut_one(tmp_path):
    examples = scenes()
    train(CONFIG, examples, tmp_path / "whole")
    # Saving after every step, cut after the fourth: the fourth is not in the checkpoint.
    saving = CONFIG.model_copy(update={"save_minutes": 1e-9})
    with pytest.raises(CutError):
        train(saving, examples, tmp_path / "cut", on_progress=cut_after(4))
    assert state(tmp_path / "cut")["step"] == 3
    train(CONFIG, examples, tmp_path / "cut")
    assert_same(state(tmp_path / "cut"), state(tmp_path / "whole"))


def test_ctrl_c_loses_no_step(tmp_path):
    def interrupt(progress):
        if progress.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, scenes(), tmp_path, on_progress=interrupt)
    assert state(tmp_path)["step"] == 4


def test_a_killed_run_goes_on(tmp_path):
    """SIGKILL at any moment leaves a checkpoint that leads to the same weights."""
    config = CONFIG.model_copy(update={"steps": 10, "save_minutes": 1e-9})
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        sys.path.insert(0, sys.argv[2])
        from tests.stages.train.test_trainer import CONFIG, scenes
        from spam_pipe.stages.train.trainer import train
        config = CONFIG.model_copy(update={"steps": 10, "save_minutes": 1e-9})
        train(config, scenes(), Path(sys.argv[1]))
        """
    )
    folder = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", script, str(folder), str(PROJECT)])
    wait_until((folder / NAME).is_file, still_possible=lambda: process.poll() is None)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert state(folder)["step"] < 10
    train(config, scenes(), folder)
    train(config, scenes(), tmp_path / "whole")
    assert_same(state(folder), state(tmp_path / "whole"))


def test_loss_falls(tmp_path):
    config = CONFIG.model_copy(update={"steps": 80, "warm_up": 5, "learning_rate": 1e-2})
    losses = []
    train(config, scenes(10, noise=15), tmp_path, on_progress=lambda p: losses.append(p.losses))
    for term, share in (("total", 0.9), ("labels", 0.85), ("contours", 0.95)):
        values = [getattr(loss, term) for loss in losses]
        assert np.mean(values[-10:]) < share * np.mean(values[:10]), term


def test_ssn_trains_too(tmp_path):
    config = CONFIG.model_copy(
        update={
            "network": SsnConfig(width=4, channels=2),
            "loss": LossConfig(labels=1, compactness=1e-5),
            "steps": 2,
        }
    )
    losses = []
    best = train(config, scenes(), tmp_path, on_progress=lambda p: losses.append(p.losses))
    assert load_weights(best).takes_positions
    assert [loss.contours for loss in losses] == [0, 0]


def test_more_time_warms_up_again_from_the_best(tmp_path):
    scores = iter([0.9, 0.8, 0.95])

    def validate(network):
        return Score((9,), (next(scores),), (0.6,), (0.5,))

    examples = scenes()
    train(CONFIG, examples, tmp_path, validate=validate)
    best = load_weights(tmp_path / BEST).state_dict()
    train(CONFIG, examples, tmp_path, validate=validate)
    # The second round scored less: the first one's weights stay the best.
    for name, tensor in load_weights(tmp_path / BEST).state_dict().items():
        assert torch.equal(tensor, best[name])
    assert state(tmp_path)["step"] == 12
    train(CONFIG, examples, tmp_path, validate=validate)
    after = load_weights(tmp_path / BEST).state_dict()
    assert not all(torch.equal(after[name], best[name]) for name in best)
    rows = read_rows(tmp_path)
    assert [row["asa"] for row in rows] == ["0.90000", "0.80000", "0.95000"]
    assert (tmp_path / "curve.png").stat().st_size > 1000


def test_time_limit_ends_a_run(tmp_path):
    config = CONFIG.model_copy(update={"steps": 10**9})
    lefts = []
    train(
        config, scenes(), tmp_path, minutes=0.03, on_progress=lambda p: lefts.append(p.seconds_left)
    )
    assert lefts[-1] == 0
    assert lefts == sorted(lefts, reverse=True)


def test_progress_says_what_is_left(tmp_path):
    seen = []
    train(CONFIG, scenes(), tmp_path, on_progress=seen.append)
    assert [progress.step for progress in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[-1].seconds_left == 0
    assert all(progress.images_per_second > 0 for progress in seen)


def test_another_network_in_the_folder(tmp_path):
    train(CONFIG, scenes(), tmp_path)
    other = CONFIG.model_copy(update={"network": SsnConfig(width=4)})
    with pytest.raises(ValueError, match="another network; choose another folder"):
        train(other, scenes(), tmp_path)


@pytest.mark.parametrize("sources", [[], [Source([])]])
def test_no_examples(tmp_path, sources):
    with pytest.raises(ValueError, match="needs images with ground truth"):
        train(CONFIG, sources, tmp_path)


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, {"step": 1})

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ValueError, match=r"No space left.*the checkpoint before it is intact"):
        save_checkpoint(tmp_path, {"step": 2})
    assert load_checkpoint(tmp_path) == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == [NAME]


def test_a_damaged_checkpoint(tmp_path):
    (tmp_path / NAME).write_bytes(b"half a checkpoi")
    with pytest.raises(ValueError, match="not a readable checkpoint; delete it"):
        load_checkpoint(tmp_path)


def test_last_weights_are_the_average(tmp_path):
    train(CONFIG, scenes(), tmp_path)
    average = state(tmp_path)["average"]
    for name, tensor in load_weights(tmp_path / LAST).state_dict().items():
        assert torch.equal(tensor, average[name])


def test_schedule_rises_and_falls():
    schedule = Schedule(rate=2.0, final=0.1, warm_up=3, steps=100)
    assert schedule.learning_rate(0, 0) == pytest.approx(0.5)
    assert schedule.learning_rate(50, 0) == pytest.approx(1.1)
    assert schedule.learning_rate(100, 0) == pytest.approx(0.2)
    assert schedule.progress(500, 0) == 1
    timed = Schedule(rate=2.0, final=0.1, warm_up=3, steps=1, minutes=2)
    assert timed.learning_rate(50, 60) == pytest.approx(1.1)
    assert timed.progress(7, 90) == 0.75


def test_score_prefers_regularity_first_then_accuracy():
    def score(asa, gr):
        return Score((100,), (asa,), (gr,), (0.5,))

    assert score(0.9, 0.5).better_than(score(0.99, 0.49))
    assert score(0.9, 0.48).better_than(score(0.99, 0.47))
    assert score(0.95, 0.5).better_than(score(0.94, 0.7))
    assert not score(0.94, 0.7).better_than(score(0.95, 0.5))


NESTED = CONFIG.model_copy(
    update={
        "network": EfficientUNetConfig(channels=4, own_widths=(4, 4), up_widths=(4, 4, 4, 4, 4)),
        "nested": (1, 2, 2, 4),
        "steps": 4,
    }
)


def test_each_step_draws_how_many_channels_count():
    drawn = Counter(draw_channels(NESTED, step) for step in range(2000))
    assert drawn.keys() == {1, 2, 4}
    assert 900 < drawn[2] < 1100
    assert draw_channels(CONFIG, 0) == CONFIG.network.channels


def test_channels_that_never_count_learn_nothing(tmp_path):
    config = NESTED.model_copy(update={"nested": (1,), "weight_decay": 0.0})
    start = make_learner(config, torch.device("cpu")).network.state_dict()["head.weight"]
    train(config, scenes(), tmp_path)
    after = state(tmp_path)["network"]["head.weight"]
    contour, first, others = slice(0, 1), slice(1, 2), slice(2, None)
    assert torch.equal(after[others], start[others])
    assert not torch.equal(after[first], start[first])
    assert not torch.equal(after[contour], start[contour])


@pytest.mark.parametrize(("rate", "moved"), [(0.1, True), (0.0, False)])
def test_a_pretrained_encoder_learns_slowly_or_not_at_all(tmp_path, rate, moved):
    config = NESTED.model_copy(update={"pretrained_rate": rate, "weight_decay": 0.0})
    learner = make_learner(config, torch.device("cpu"))
    before = {name: value.clone() for name, value in learner.network.state_dict().items()}
    shares = {group["share"] for group in learner.optimizer.param_groups}
    assert shares == {1.0, rate}
    train(config, scenes(), tmp_path)
    after = state(tmp_path)["network"]
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    # The encoder's batch norms keep the statistics that they came with.
    assert not any("encoder" in name and "running" in name for name in changed)
    assert any(name.startswith("encoder.") for name in changed) == moved
    assert any(name.startswith("up.") and "running" in name for name in changed)


def test_a_training_starts_from_weights_of_the_same_network(tmp_path):
    learner = make_learner(NESTED.model_copy(update={"seed": 5}), torch.device("cpu"))
    start = tmp_path / "start.safetensors"
    save_weights(start, NESTED.network, learner.network.state_dict())
    config = NESTED.model_copy(update={"start": str(start), "learning_rate": 1e-9, "steps": 1})
    train(config, scenes(), tmp_path / "run")
    after = state(tmp_path / "run")["network"]["head.weight"]
    expected = learner.network.state_dict()["head.weight"]
    torch.testing.assert_close(after, expected, rtol=0, atol=1e-6)
    other = config.model_copy(update={"network": EfficientUNetConfig(channels=4)})
    with pytest.raises(ValueError, match=r"start.safetensors holds weights of efficientunet"):
        train(other, scenes(), tmp_path / "other")
    trunk = CONFIG.model_copy(update={"start": str(start)})
    with pytest.raises(ValueError, match="the two must be the same network"):
        train(trunk, scenes(), tmp_path / "trunk")


def test_scores_weigh_the_sets_and_survive_the_disk():
    own = {"counts": (9,), "gr": (0.6,), "least_gr": (0.5,)}
    one = Score(**own, asa=(0.9,), others=((0.25, Figures((0.8,), (0.5,))),))
    other = Score(**own, asa=(0.91,), others=((0.25, Figures((0.76,), (0.5,))),))
    assert one.accuracy == pytest.approx(0.75 * 0.9 + 0.25 * 0.8)
    assert one.better_than(other)
    assert not other.better_than(one)
    assert Score.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    assert Score.from_dict({**own, "asa": [0.9]}) == Score(**own, asa=(0.9,))
