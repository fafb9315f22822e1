"""The examples of the public functions, as they are written."""

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize("module", ["spam_pipe", "spam_pipe.functions", "spam_pipe.segmenter"])
def test_examples_print_what_they_say(module: str) -> None:
    failed, tried = doctest.testmod(import_module(module))
    assert tried > 2
    assert failed == 0
