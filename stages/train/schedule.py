"""The learning rate over a training run: a short rise, then a cosine."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """Progress of a run, and the learning rate there."""

    rate: float  # the largest learning rate
    final: float  # its share at the end
    warm_up: int  # steps of the linear rise
    steps: int  # steps of the whole run, used without a time limit
    minutes: float | None = None  # time limit; where there is one the cosine follows the clock

    def progress(self, step: int, seconds: float) -> float:
        """Return the share of the run that is done after `step` steps and `seconds`."""
        done = step / self.steps if self.minutes is None else seconds / (60 * self.minutes)
        return min(done, 1.0)

    def learning_rate(self, step: int, seconds: float) -> float:
        """Return the rate of the step that comes next."""
        cosine = 0.5 * (1 + math.cos(math.pi * self.progress(step, seconds)))
        rise = min(1.0, (step + 1) / (self.warm_up + 1))
        return self.rate * rise * (self.final + (1 - self.final) * cosine)
