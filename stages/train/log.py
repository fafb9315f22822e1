"""A training run's `log.csv` and its curve."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from spam_pipe.stages.csv_cells import csv_lines
from spam_pipe.stages.train.learner import Losses
from spam_pipe.stages.train.validation import Score

LOG = "log.csv"
CURVE = "curve.png"


@dataclass(frozen=True)
class Row:
    """One line of the log: the losses averaged since the line before, the last validation."""

    step: int
    minutes: float
    loss: float
    labels: float
    compactness: float
    contours: float
    asa: str
    gr: str

    @classmethod
    def summary(
        cls, step: int, seconds: float, losses: Sequence[Losses], score: Score | None
    ) -> "Row":
        """Summarise what happened since the last line."""
        count = max(len(losses), 1)
        total, labels, compactness, contours = [
            round(sum(column) / count, 6) for column in zip(*losses, strict=True)
        ] or [0.0] * 4
        asa, gr = (score.asa, score.gr) if score else ((), ())
        return cls(
            step,
            round(seconds / 60, 3),
            total,
            labels,
            compactness,
            contours,
            _joined(asa),
            _joined(gr),
        )


def append_row(folder: Path, row: Row) -> None:
    """Add a line; the file gets its header first."""
    path = folder / LOG
    new = not path.is_file()
    with path.open("a", newline="", encoding="utf-8") as file:
        header = [[field.name for field in fields(Row)]] if new else []
        file.write(csv_lines([*header, list(asdict(row).values())]))


def read_rows(folder: Path) -> list[dict[str, str]]:
    """Return the log's lines; empty where there is none."""
    path = folder / LOG
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def plot_curve(folder: Path) -> None:
    """Draw loss and validation ASA against steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = read_rows(folder)
    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    steps = [int(row["step"]) for row in rows]
    left.plot(steps, [float(row["labels"]) for row in rows], label="labels")
    left.plot(steps, [float(row["contours"]) for row in rows], label="contours")
    left.set(xlabel="step", ylabel="loss")
    left.legend()
    scored = [row for row in rows if row["asa"]]
    counts = len(scored[0]["asa"].split()) if scored else 0
    for index in range(counts):
        asa = [float(row["asa"].split()[index]) for row in scored]
        gr = [float(row["gr"].split()[index]) for row in scored]
        right.plot([int(row["step"]) for row in scored], asa, label=f"ASA, count {index + 1}")
        right.annotate(f"GR {gr[-1]:.3f}", (int(scored[-1]["step"]), asa[-1]))
    right.set(xlabel="step", ylabel="validation ASA")
    if counts:
        right.legend()
    figure.savefig(folder / CURVE, dpi=100)


def _joined(values: Sequence[float]) -> str:
    return " ".join(f"{value:.5f}" for value in values)
