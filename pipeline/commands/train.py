"""`spam-pipe train`: finds the images, runs the trainer, tells how it goes."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spam_pipe.pipeline.commands.teller import INTERRUPTED, SUCCESS, Teller
from spam_pipe.pipeline.configuration.training_recipe import (
    RECIPE,
    AlsoConfig,
    TrainingConfig,
    default_folder,
    dump_recipe,
    parse_also,
    read_recipe,
)
from spam_pipe.pipeline.datasets import describe, open_chosen, open_dataset
from spam_pipe.pipeline.datasets.lookup import candidates
from spam_pipe.pipeline.device import resolve_device
from spam_pipe.pipeline.errors import ConfigError, DataError, UserError
from spam_pipe.pipeline.home import expand_home
from spam_pipe.pipeline.items import Dataset, Item
from spam_pipe.pipeline.running.interruption import stop_on_interrupt
from spam_pipe.pipeline.runs.lock import locked
from spam_pipe.pipeline.session.layers import config_layers
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.store.folder import LocalFolder
from spam_pipe.stages.networks.weights import read_information
from spam_pipe.stages.train.checkpoint import load_checkpoint
from spam_pipe.stages.train.learner import Losses
from spam_pipe.stages.train.samples import Source, make_example
from spam_pipe.stages.train.trainer import TrainingStep, Validate, train
from spam_pipe.stages.train.validation import Score, ValidationImage, make_validator

_LINE_EVERY = 10.0


def train_network(
    options: Options,
    config: str | None,
    folder: str | None,
    minutes: float | None,
    also: Sequence[str] = (),
) -> int:
    """Train a network, or go on with the training in the folder; return the exit status.

    Raises
    ------
    UserError
        When the recipe, the images, the device or the folder can't be used.
    """
    teller = Teller(quiet=options.quiet, as_json=options.as_json)
    place = expand_home(folder, "--folder") if folder is not None else default_folder(config)
    layers = list(config_layers(options))
    if also:
        layers.append({"also": [parse_also(each) for each in also]})
    recipe = read_recipe(config, place, layers)
    device = resolve_device(options.device)
    dataset = _open(recipe)
    items = _training_items(dataset, recipe, teller)
    others = [_open_other(each, recipe, teller) for each in recipe.also]
    own = Source(
        [make_example(*scene, recipe.void) for scene in _read_scenes(items)],
        1 - sum(each.share for each in recipe.also),
    )
    sources = [own, *(other.source() for other in others)]
    validate = _make_validate(dataset, others, recipe, teller)
    teller.say(f"training {recipe.network.name} on {device} in {place}")
    reporter = Reporter(recipe, place, teller.say)
    interrupted = False
    with stop_on_interrupt(reporter.tell_stop) as stopping:
        try:
            with locked(LocalFolder(place), option="--folder", say=teller.warn):
                train(
                    recipe,
                    sources,
                    place,
                    device=device,
                    minutes=minutes,
                    validate=validate,
                    on_progress=_until(stopping, reporter),
                )
        except KeyboardInterrupt:
            interrupted = True
        except ValueError as error:
            raise UserError(str(error)) from error
        except OSError as error:
            raise UserError(
                f"{error.filename or place}: cannot be written: {error.strerror}; make room, or "
                "choose another --folder; the checkpoint before it is intact"
            ) from error
    _tell_end(place, interrupted, teller)
    return INTERRUPTED if interrupted else SUCCESS


class Reporter:
    """Tells how a training goes: a line every few seconds and for every validation."""

    def __init__(self, recipe: TrainingConfig, folder: Path, say: Callable[[str], None]) -> None:
        self.recipe, self.folder, self.say = recipe, folder, say
        self.score: Score | None = None
        self.losses: list[Losses] = []
        self.told = float("-inf")
        self.begun = False

    def __call__(self, progress: TrainingStep) -> None:
        """Take note of a step; print a line when one is due."""
        if not self.begun:
            # Not earlier: the trainer refuses a folder that holds another network's training.
            self.begun = True
            LocalFolder(self.folder).write(RECIPE, dump_recipe(self.recipe).encode())
        self.losses.append(progress.losses)
        now = time.monotonic()
        if now - self.told >= _LINE_EVERY or progress.score != self.score:
            self.say(describe_progress(progress, self.losses))
            self.told, self.score = now, progress.score
            self.losses.clear()

    def tell_stop(self) -> None:
        """Say that a wish to stop was heard."""
        self.say("stopping after the step at hand; Ctrl-C again stops at once")


def describe_progress(progress: TrainingStep, losses: Sequence[Losses]) -> str:
    """Say in one line how a training goes; the losses are averaged."""
    total, labels, _, contours = (sum(column) / len(losses) for column in zip(*losses, strict=True))
    words = [
        f"step {progress.step:,}",
        f"loss {total:.3f} (labels {labels:.4f}, contours {contours:.4f})",
        *([_describe_score(progress.score)] if progress.score else []),
        f"{progress.images_per_second:.1f} images/s",
        f"{progress.seconds_left / 60:.1f} min left",
    ]
    return ", ".join(words)


def _until(stopping: Callable[[], bool], reporter: Reporter) -> Callable[[TrainingStep], None]:
    def on_progress(progress: TrainingStep) -> None:
        reporter(progress)
        if stopping():
            raise KeyboardInterrupt

    return on_progress


def _open(recipe: TrainingConfig) -> Dataset:
    return open_chosen(recipe.dataset)


def _training_items(dataset: Dataset, recipe: TrainingConfig, teller: Teller) -> list[Item]:
    """Return the images that training is for."""
    split = recipe.dataset.split or _training_split(dataset)
    items = list(dataset.items(split))
    annotated = [item for item in items if item.annotations is not None]
    teller.say(describe(dataset, split, len(items)))
    if not annotated:
        raise DataError(
            f"--dataset {recipe.dataset.images or dataset.name}: none of its {len(items)} images "
            "has ground truth, which training needs; name its folder with --ground-truth"
        )
    if len(annotated) < len(items):
        teller.say(f"{len(annotated)} of them have ground truth")
    return annotated


@dataclass(frozen=True)
class OtherSet:
    """A further folder to train on: the images that are trained on and those kept out."""

    config: AlsoConfig
    trained: Sequence[Item]
    held_out: Sequence[Item]

    def source(self) -> Source:
        """Read the images to train on."""
        config = self.config
        examples = [make_example(*scene, config.void) for scene in _read_scenes(self.trained)]
        return Source(examples, config.share, config.contours)


def _open_other(config: AlsoConfig, recipe: TrainingConfig, teller: Teller) -> OtherSet:
    images, truth = (
        _find_folder(name, recipe.dataset.root) for name in (config.images, config.ground_truth)
    )
    dataset = open_dataset("folder", images=images, ground_truth=truth)
    items = [item for item in dataset.items("all") if item.annotations is not None]
    held_out = items[:: config.hold_out] if config.hold_out else []
    kept_out = {item.id for item in held_out}
    trained = [item for item in items if item.id not in kept_out]
    if not trained:
        raise DataError(
            f"--also {images}: all {len(items)} annotated images are kept for validation; give it "
            "more of them, or hold_out = 0 in the recipe's table"
        )
    teller.say(
        f"{images}: {len(trained)} images, {config.share:.0%} of the samples; "
        f"{len(held_out)} kept for validation"
    )
    return OtherSet(config, trained, held_out)


def _find_folder(name: str, root: str | None) -> Path:
    """Return a folder of a recipe: as it stands, else within a folder that holds datasets."""
    stated = expand_home(name)
    places = (stated, *candidates([name], Path(root) if root else None))
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        looked = ", ".join(map(str, places))
        raise DataError(
            f"--also {name}: there is no such folder; looked for {looked}; name it in full, or set "
            "SPAM_DATA to the folder that holds it"
        )
    return found


def _training_split(dataset: Dataset) -> str:
    """Choose what to train on; never images that are there to be tested on."""
    if "train" in dataset.splits:
        return "train"
    if dataset.splits == ("all",):
        return "all"
    raise ConfigError(
        f"--dataset {dataset.name}: has no split to train on, only {', '.join(dataset.splits)}; "
        "choose one with --set dataset.split=NAME"
    )


def _make_validate(
    dataset: Dataset, others: Sequence[OtherSet], recipe: TrainingConfig, teller: Teller
) -> Validate | None:
    """Return what scores weights on every n-th image of the validation split."""
    if "val" not in dataset.splits or recipe.dataset.split == "val":
        teller.say(f"{dataset.name} has no validation split: the last weights count as the best")
        return None
    items = [item for item in dataset.items("val") if item.annotations is not None]
    return make_validator(
        list(_read_scenes(items[:: recipe.validate_every])),
        recipe.validate_counts,
        recipe.least_regularity,
        others=[
            (other.config.share, list(_read_scenes(other.held_out)))
            for other in others
            if other.held_out
        ],
    )


def _read_scenes(items: Iterable[Item]) -> Iterable[ValidationImage]:
    for item in items:
        assert item.annotations is not None
        image, annotations = item.image.read(), item.annotations.read()
        shapes = {each.shape for each in annotations}
        if shapes != {image.shape[:2]}:
            raise DataError(f"{item.id}: ground truth of {shapes}, image of {image.shape[:2]}")
        yield image, annotations


def _tell_end(folder: Path, interrupted: bool, teller: Teller) -> None:
    state = load_checkpoint(folder)
    step = None if state is None else int(state["learner"]["step"])
    best = next(
        (path for name in ("best", "last") if (path := folder / f"{name}.safetensors").is_file()),
        None,
    )
    facts = read_information(best) if best is not None else {}
    if interrupted:
        begin = "begins anew" if step is None else f"goes on from step {step:,}"
        teller.say(f"stopped; the same command {begin}")
    if best is not None:
        score = facts.get("score")
        quality = f", {_describe_score(Score.from_dict(score))}" if isinstance(score, dict) else ""
        teller.show(f"weights of step {facts['step']:,}{quality}: {best}")
        teller.say(f"use them with --set segment.weights={best}; how it went: {folder}/curve.png")
    teller.show_json(
        {
            "folder": str(folder),
            "step": step,
            "interrupted": interrupted,
            "weights": best and str(best),
            "weights_step": facts.get("step"),
            "score": facts.get("score"),
        }
    )


def _describe_score(score: Score) -> str:
    asa = " / ".join(f"{value:.4f}" for value in score.asa)
    gr = " / ".join(f"{value:.3f}" for value in score.gr)
    own = f"ASA {asa} at GR {gr} (K = {' / '.join(map(str, score.counts))})"
    others = ", ".join("/".join(f"{value:.4f}" for value in each.asa) for _, each in score.others)
    return f"{own}, other sets {others}" if others else own
