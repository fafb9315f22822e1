"""The training run: steps, checkpoints, validations, all resumable (METHOD.md, section 7)."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from spam_pipe.stages.networks.base import Network
from spam_pipe.stages.networks.weights import load_weights, save_weights
from spam_pipe.stages.train.checkpoint import load_checkpoint, save_checkpoint
from spam_pipe.stages.train.config import TrainConfig
from spam_pipe.stages.train.learner import Learner, Losses, make_learner, train_step
from spam_pipe.stages.train.log import Row, append_row, plot_curve
from spam_pipe.stages.train.process import keep_freed_memory, one_thread_an_operation
from spam_pipe.stages.train.samples import Sample, Source, draw_batch
from spam_pipe.stages.train.schedule import Schedule
from spam_pipe.stages.train.start import starting_weights
from spam_pipe.stages.train.validation import Score

BEST = "best.safetensors"
LAST = "last.safetensors"

Validate = Callable[[Network], Score]
OnProgress = Callable[["TrainingStep"], None]


@dataclass(frozen=True)
class TrainingStep:
    """Progress of a training run after a step."""

    step: int  # steps done
    losses: Losses  # the last step's
    images_per_second: float  # of this process so far
    seconds_left: float  # until the schedule ends
    score: Score | None  # the last validation's; None before the first


@dataclass
class TrainState:
    """The part of a run's state that is not the learner's."""

    # training time of the present schedule, over all processes; validation left out
    seconds: float = 0.0
    start: int = 0  # step at which the present schedule began
    score: Score | None = None  # the last validation's
    best: Score | None = None  # the best weights' so far
    losses: list[Losses] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        """Return plain values for the checkpoint."""
        return {
            "seconds": self.seconds,
            "start": self.start,
            "score": self.score and self.score.to_dict(),
            "best": self.best and self.best.to_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        self.seconds, self.start = state["seconds"], state["start"]
        self.score = state["score"] and Score.from_dict(state["score"])
        self.best = state["best"] and Score.from_dict(state["best"])


def train(
    config: TrainConfig,
    sources: Sequence[Source],
    folder: Path,
    *,
    device: str = "cpu",
    minutes: float | None = None,
    validate: Validate | None = None,
    on_progress: OnProgress | None = None,
) -> Path:
    """Train a network, or go on with the run that is in the folder.

    A run that was cut short goes on with its next step as if nothing had happened. One whose
    schedule has ended warms up again from its best weights for as long once more.

    Parameters
    ----------
    config
        The recipe; the same as before when a run goes on.
    sources
        Annotated images, and how often each lot of them is drawn from.
    folder
        Where the checkpoint, the weights (`best.safetensors`, `last.safetensors`), `log.csv` and
        `curve.png` go.
    device
        A torch device.
    minutes
        Time limit that replaces the recipe's number of steps.
    validate
        Scores weights on validation images; without it the last weights count as the best.
    on_progress
        Called after every step. Where it raises KeyboardInterrupt the run is saved first.

    Returns
    -------
    The best weights.

    Raises
    ------
    ValueError
        Without examples, with weights to start from that do not fit, with a checkpoint of
        another network, or when a file cannot be written.
    """
    if not sources or not all(source.examples for source in sources):
        raise ValueError("training needs images with ground truth; the dataset has none")
    keep_freed_memory()
    folder.mkdir(parents=True, exist_ok=True)
    with one_thread_an_operation():
        learner, run = _begin(config, folder, torch.device(device))
        schedule = _schedule(config, minutes)
        if schedule.progress(learner.step - run.start, run.seconds) >= 1:
            _warm_restart(learner, run, folder)
        with closing(prefetch(config, sources, learner.step)) as samples:
            try:
                _loop(learner, run, schedule, samples, folder, validate, on_progress)
            except KeyboardInterrupt:  # raised by `on_progress`, so between two steps
                _save(learner, run, folder)
                raise
        if validate:
            _validate(learner, run, folder, validate)
        _save(learner, run, folder)
    return folder / (BEST if (folder / BEST).is_file() else LAST)


def _loop(
    learner: Learner,
    run: TrainState,
    schedule: Schedule,
    samples: Iterator[Sample],
    folder: Path,
    validate: Validate | None,
    on_progress: OnProgress | None,
) -> None:
    """Train until the schedule ends; checkpoints and validations come by the clock."""
    config = learner.config
    since_save = since_validation = begun = run.seconds
    first = learner.step
    while schedule.progress(learner.step - run.start, run.seconds) < 1:
        clock = time.perf_counter()
        rate = schedule.learning_rate(learner.step - run.start, run.seconds)
        run.losses.append(train_step(learner, next(samples), rate))
        run.seconds += time.perf_counter() - clock
        if on_progress:
            on_progress(_progress(learner, run, schedule, begun, first))
        if validate and run.seconds - since_validation >= 60 * config.validate_minutes:
            _validate(learner, run, folder, validate)
            since_validation = run.seconds
        if run.seconds - since_save >= 60 * config.save_minutes:
            _save(learner, run, folder)
            since_save = run.seconds


def prefetch(
    config: TrainConfig, sources: Sequence[Source], step: int
) -> Generator[Sample, None, None]:
    """Yield the batches from a step on, each drawn in the background while the last is used."""

    def draw(index: int) -> Sample:
        seed = (config.seed, index)
        return draw_batch(sources, config.augment, config.loss.contour_share, config.batch, seed)

    with ThreadPoolExecutor(1, thread_name_prefix="samples") as pool:
        waiting: list[Future[Sample]] = [pool.submit(draw, step), pool.submit(draw, step + 1)]
        while True:
            step += 1
            sample = waiting.pop(0).result()
            waiting.append(pool.submit(draw, step + 1))
            yield sample


def _schedule(config: TrainConfig, minutes: float | None) -> Schedule:
    return Schedule(config.learning_rate, config.final_rate, config.warm_up, config.steps, minutes)


def _begin(config: TrainConfig, folder: Path, device: torch.device) -> tuple[Learner, TrainState]:
    learner, run = make_learner(config, device), TrainState()
    state = load_checkpoint(folder)
    if state is None and config.start is not None:
        weights = starting_weights(config.start, config.network)
        learner.load({**learner.network.state_dict(), **weights}, weights)
    if state is not None:
        if state["config"] != config.network.model_dump_json():
            raise ValueError(
                f"{folder}: holds the training of another network; choose another folder"
            )
        learner.restore(state["learner"])
        run.restore(state["run"])
    return learner, run


def _warm_restart(learner: Learner, run: TrainState, folder: Path) -> None:
    best = folder / BEST
    if best.is_file():
        weights = load_weights(best).state_dict()
        learner.load(weights, weights)
    run.seconds, run.start = 0.0, learner.step


def _progress(
    learner: Learner, run: TrainState, schedule: Schedule, begun: float, first: int
) -> TrainingStep:
    seconds = max(run.seconds - begun, 1e-9)
    pace = (learner.step - first) / seconds
    if schedule.minutes is None:
        left = (schedule.steps - (learner.step - run.start)) / pace
    else:
        left = 60 * schedule.minutes - run.seconds
    images = pace * learner.config.batch
    return TrainingStep(learner.step, run.losses[-1], images, max(left, 0.0), run.score)


def _validate(learner: Learner, run: TrainState, folder: Path, validate: Validate) -> None:
    run.score = validate(learner.averaged())
    if run.best is None or run.score.better_than(run.best):
        run.best = run.score
        _save_weights(learner, run, folder / BEST)


def _save_weights(learner: Learner, run: TrainState, path: Path) -> None:
    config = learner.config
    information = {
        "step": learner.step,
        "seed": config.seed,
        "score": run.score and run.score.to_dict(),
    }
    save_weights(path, config.network, learner.average, information=information)


def _save(learner: Learner, run: TrainState, folder: Path) -> None:
    network = learner.config.network.model_dump_json()
    save_checkpoint(folder, {"config": network, "learner": learner.state(), "run": run.state()})
    _save_weights(learner, run, folder / LAST)
    append_row(folder, Row.summary(learner.step, run.seconds, run.losses, run.score))
    run.losses.clear()
    plot_curve(folder)
