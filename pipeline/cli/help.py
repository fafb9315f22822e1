"""A command's page of help: what is often needed first, examples last."""

from typing import Any

from typer.core import TyperCommand, TyperGroup

from spam_pipe.pipeline.session.options import SELDOM, SHOWN_ALL

MOST = 15
"""Options that a page shows; one with more leaves the seldom used panels to `--help-all`."""


def _choose(parameters: list[Any], everything: bool) -> None:
    """Hide what the page does not show, and the types of what is named by its value already."""
    for each in parameters:
        if each.param_type_name == "argument":
            each.display_type_rich = lambda ctx: ""
    options = [each for each in parameters if each.param_type_name == "option"]
    long = len(options) > MOST
    for each in options:
        if getattr(each, "is_flag", False):
            each.metavar = ""
        seldom = getattr(each, "rich_help_panel", None) in SELDOM
        each.hidden = long and seldom and not everything
        if "--help-all" in each.opts:
            each.hidden = not long or everything


class Command(TyperCommand):
    """A command whose page shows what is often needed."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the page."""
        _choose(self.get_params(ctx), ctx.meta.get(SHOWN_ALL, False))
        super().format_help(ctx, formatter)


class Group(TyperGroup):
    """A group of commands with a page like theirs."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the page."""
        _choose(self.get_params(ctx), everything=True)
        super().format_help(ctx, formatter)
