"""What doctor says of other distributions that bring this project's import names."""

from spam_pipe.pipeline.commands.machine import conflicts


def test_a_name_that_another_distribution_installs() -> None:
    owners = {"pipeline": ["spam-pipe", "other-pipe"], "stages": ["spam-pipe"], "numpy": ["numpy"]}
    (warning,) = conflicts(owners)
    assert warning.startswith("other-pipe also installs the name 'pipeline'")


def test_several_at_once() -> None:
    owners = {"stages": ["b", "a", "b"], "spam_pipe": ["c"]}
    first, second = conflicts(owners)
    assert first.startswith("a and b also install the name 'stages'")
    assert "'spam_pipe'" in second


def test_none() -> None:
    assert conflicts({"pipeline": ["spam-pipe"], "stages": ["spam_pipe"]}) == []
    assert conflicts({}) == []
