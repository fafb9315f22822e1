"""One training step, and everything that it changes."""

import copy
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from spam_pipe.stages.networks.base import Network
from spam_pipe.stages.networks.registry import build
from spam_pipe.stages.train.config import TrainConfig
from spam_pipe.stages.train.grid_clustering import Grid, cluster, make_grid, to_cells
from spam_pipe.stages.train.losses import compactness, contour_loss, cross_entropy
from spam_pipe.stages.train.samples import Sample


class Losses(NamedTuple):
    """The terms of one step's loss, unweighted, and their weighted sum."""

    total: float
    labels: float
    compactness: float
    contours: float


@dataclass
class Learner:
    """A network in training."""

    config: TrainConfig  # the recipe
    network: Network  # its weights follow the gradient
    average: dict[str, Tensor]  # exponential moving average of the network's state, float32 by name
    optimizer: torch.optim.Optimizer  # adamW over the network's parameters
    device: torch.device  # where it all lives
    step: int = 0  # steps done

    def __post_init__(self) -> None:
        self.replicas = [self.network, *_replicas(self.network, self.config.shards - 1)]
        self.pool = ThreadPoolExecutor(
            self.config.shards, "shard", initializer=torch.set_num_threads, initargs=(1,)
        )

    def shard(self, sample: Sample, index: int) -> Sample:
        """Return one part of a batch."""
        part = slice(index, None, self.config.shards)
        return Sample(
            sample.lab[part],
            sample.labels[part],
            sample.contours[part],
            sample.contour_weight[part],
        )

    def state(self) -> dict[str, Any]:
        """Return everything that a later process needs to go on with the next step."""
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        self.step = state["step"]
        self.load(state["network"], state["average"])
        self.optimizer.load_state_dict(state["optimizer"])

    def load(self, weights: dict[str, Tensor], average: dict[str, Tensor]) -> None:
        """Take over weights and their average."""
        for replica in self.replicas:
            replica.load_state_dict(weights)
        for name, value in average.items():
            self.average[name].copy_(value)

    def averaged(self) -> Network:
        """Return a copy of the network, ready for inference, with the averaged weights."""
        network = build(self.config.network).to(self.device)
        network.load_state_dict(self.average)
        return network.eval()


def make_learner(config: TrainConfig, device: torch.device) -> Learner:
    """Return a network with fresh weights, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = build(config.network).to(device).train()
    if not config.pretrained_rate:
        for parameter in network.pretrained():  # without a gradient a step takes a fifth less
            parameter.requires_grad_(False)
    return Learner(config, network, _copy_state(network), _optimizer(config, network), device)


def train_step(learner: Learner, sample: Sample, learning_rate: float) -> Losses:
    """Do one step on a batch.

    Raises
    ------
    ValueError
        When the loss is no finite number.
    """
    config = learner.config
    shards = [learner.shard(sample, index) for index in range(config.shards)]
    terms = list(learner.pool.map(_gradients, repeat(learner), learner.replicas, shards))
    losses = Losses(*torch.tensor(terms).mean(dim=0).tolist())
    if not math.isfinite(losses.total):
        raise ValueError(
            f"the loss is {losses.total} at step {learner.step}; lower the learning rate"
        )
    for group in learner.optimizer.param_groups:
        group["lr"] = learning_rate * group["share"]
    _collect(learner)
    torch.nn.utils.clip_grad_norm_(learner.network.parameters(), config.clip)
    learner.optimizer.step()
    learner.step += 1
    _update_average(learner)
    return losses


def _gradients(learner: Learner, network: Network, sample: Sample) -> Losses:
    """Leave a shard's gradients in a replica of the network."""
    config, device = learner.config, learner.device
    grid, position_weight = draw_grid(config, learner.step, device)
    lab = torch.from_numpy(sample.lab).to(device)
    labels = torch.from_numpy(sample.labels).to(device)
    contours = torch.from_numpy(sample.contours).to(device)
    contour_weight = torch.from_numpy(sample.contour_weight).to(device)
    classical = classical_features(lab, config.color_weight, position_weight)
    enabled = config.half_precision and computes_in_half(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=enabled):
        prediction = network(classical if network.takes_positions else lab)
    deep = prediction.deep[:, : draw_channels(config, learner.step)]
    features = to_cells(torch.cat((deep, classical), dim=1), grid)
    clusters = cluster(features, grid, config.iterations)
    terms = [
        cross_entropy(labels, clusters, grid),
        compactness(features[:, :, -2:], clusters, grid),
        contour_loss(prediction.contours, contours, config.loss.side_outputs, contour_weight)
        if prediction.contours
        else lab.new_zeros(()),
    ]
    weights = (config.loss.labels, config.loss.compactness, config.loss.contours)
    total = sum((w * term for w, term in zip(weights, terms, strict=True)), lab.new_zeros(()))
    network.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    return Losses(total.item(), *(term.item() for term in terms))


@torch.no_grad()
def _collect(learner: Learner) -> None:
    """Bring the replicas together: mean gradients and mean running statistics."""
    if len(learner.replicas) == 1:
        return
    share = 1 / len(learner.replicas)
    gradients = [
        [p.grad for p in net.parameters() if p.grad is not None] for net in learner.replicas
    ]
    buffers = [[b for b in net.buffers() if b.is_floating_point()] for net in learner.replicas]
    _average_first(gradients, share)
    _average_first(buffers, share)
    for other in buffers[1:]:
        torch._foreach_copy_(other, buffers[0])


def _average_first(tensors: list[list[Tensor]], share: float) -> None:
    first, *others = tensors
    for other in others:
        torch._foreach_add_(first, other)
    torch._foreach_mul_(first, share)


def draw_grid(config: TrainConfig, step: int, device: torch.device) -> tuple[Grid, float]:
    """Draw a step's grid and the factor of its pixels' positions."""
    random = np.random.default_rng((config.seed, step))
    side = int(random.choice(config.grids))
    factor = config.compactness * random.uniform(*config.compactness_range)
    return make_grid(side, device), factor * side / config.augment.crop


def draw_channels(config: TrainConfig, step: int) -> int:
    """Draw how many of the deep channels count in a step."""
    if not config.nested:
        return config.network.channels
    random = np.random.default_rng((config.seed, step, 1))  # apart from what draws the grid
    return int(random.choice(config.nested))


def classical_features(lab: Tensor, color_weight: float, position_weight: float) -> Tensor:
    """Return scaled colours and positions (METHOD.md, section 1), (B, 5, H, W), of Lab images."""
    batch, _, height, width = lab.shape
    rows = torch.arange(height, device=lab.device, dtype=lab.dtype)
    columns = torch.arange(width, device=lab.device, dtype=lab.dtype)
    positions = torch.stack(torch.meshgrid(rows, columns, indexing="ij")) * position_weight
    return torch.cat((lab * color_weight, positions.expand(batch, -1, -1, -1)), dim=1)


def computes_in_half(device: torch.device) -> bool:
    """Say whether bf16 is faster than float32 on a device, not merely possible."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(
        torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


def _optimizer(config: TrainConfig, network: Network) -> torch.optim.Optimizer:
    slow = {id(p) for p in network.pretrained()}
    groups = [
        {
            "params": [
                p
                for p in network.parameters()
                if (p.ndim > 1) == decayed and (id(p) in slow) == pretrained
            ],
            "weight_decay": config.weight_decay if decayed else 0.0,
            "share": config.pretrained_rate if pretrained else 1.0,
        }
        for pretrained in (False, True)
        for decayed in (True, False)
    ]
    filled = [group for group in groups if group["params"]]
    return torch.optim.AdamW(filled, lr=config.learning_rate, fused=True)


def _replicas(network: Network, count: int) -> list[Network]:
    """Return copies that share the network's parameters, with gradients and norms of their own."""
    replicas = [copy.deepcopy(network) for _ in range(count)]
    for replica in replicas:
        for mine, shared in zip(replica.parameters(), network.parameters(), strict=True):
            mine.data = shared.data
    return replicas


def _copy_state(network: Network) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


@torch.no_grad()
def _update_average(learner: Learner) -> None:
    """Move the average a little; young averages follow faster, so that they forget the start."""
    decay = min(learner.config.ema, (1 + learner.step) / (10 + learner.step))
    state = learner.network.state_dict()
    pairs = [(learner.average[name], value) for name, value in state.items()]
    floats = [pair for pair in pairs if pair[0].is_floating_point()]
    torch._foreach_lerp_([old for old, _ in floats], [new for _, new in floats], 1 - decay)
    for old, new in pairs:
        if not old.is_floating_point():
            old.copy_(new)
