"""A report's tables, what they compare, and how they are written."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from spam_pipe.pipeline.reporting.gathering import Gathered, reference_method
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.runs.selection import Selection

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from spam_pipe.pipeline.store.folder import Folder
    from spam_pipe.stages.report.series import MethodKey


@dataclass(frozen=True, eq=False)
class Tables:
    """A report's tables and what they were made of."""

    # the run, its items and what its stores hold of them
    run: Run
    selection: Selection
    gathered: Gathered
    # from `stages.report.tables`
    metrics: "pd.DataFrame"
    summary: "pd.DataFrame"
    folder: "Folder"  # the report's

    @cached_property
    def labels(self) -> "Mapping[MethodKey, str]":
        """The methods' labels."""
        from spam_pipe.stages.report.series import labels_of

        return labels_of(self.summary)

    @property
    def title(self) -> str:
        """Options that all methods share."""
        from spam_pipe.stages.report.series import name_series

        return name_series(self.summary).title()

    @cached_property
    def comparisons(self) -> "pd.DataFrame":
        """Every method against the reference (`stages.report.comparisons`)."""
        from spam_pipe.stages.report.comparisons import comparison_table

        return comparison_table(self.metrics, self.reference, self.run.config.report)

    @cached_property
    def reference(self) -> "MethodKey":
        """The method to compare with, any where the proper one has no figures."""
        from spam_pipe.stages.report.comparisons import method_keys

        keys = method_keys(self.metrics)
        method = reference_method(self.run, self.gathered)
        return method.key if method is not None and method.key in keys else keys[0]

    @cached_property
    def rival(self) -> "MethodKey | None":
        """The method, the reference aside, with the highest mean ASA; None without any ASA."""
        from spam_pipe.stages.report.series import SERIES, MethodKey

        means = self.summary.groupby(list(SERIES), sort=False)["asa_mean"].mean().dropna()
        means = means[[key != self.reference.values for key in means.index]]
        return None if means.empty else MethodKey(*map(str, means.idxmax()))  # type: ignore[call-overload]

    @property
    def middle_count(self) -> int:
        """The requested count in the middle of all."""
        counts = sorted(int(count) for count in self.metrics["n_requested"].unique())
        return counts[(len(counts) - 1) // 2]

    @cached_property
    def differences(self) -> "pd.DataFrame | None":
        """Images of the reference and its rival at the middle count; None without any."""
        from spam_pipe.stages.report.comparisons import image_differences

        if self.rival is None:
            return None
        found = image_differences(self.metrics, self.reference, self.rival, self.middle_count)
        return found if len(found) else None

    @property
    def names(self) -> tuple[str, str]:
        """The labels of the reference and its rival."""
        assert self.rival is not None
        return self.labels[self.reference], self.labels[self.rival]

    def put(self, key: str, content: bytes | str) -> None:
        """Write a file below the report's folder."""
        data = content.encode() if isinstance(content, str) else content
        name, _, leaf = key.rpartition("/")
        (self.folder.child(name) if name else self.folder).write(leaf, data)

    def put_table(self, key: str, table: "pd.DataFrame") -> None:
        """Write a table as CSV."""
        from spam_pipe.stages.report.tables import write_csv

        text = io.StringIO(newline="")
        write_csv(table, text)
        self.put(key, text.getvalue())

    def put_figure(self, key: str, figure: "Figure") -> None:
        """Write a figure as PNG, SVG and PDF."""
        from spam_pipe.stages.report.curves import save_figure

        for form in ("png", "svg", "pdf"):
            content = io.BytesIO()
            save_figure(figure, content, form)
            self.put(f"{key}.{form}", content.getvalue())
