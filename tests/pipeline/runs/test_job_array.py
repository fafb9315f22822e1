"""Tasks of a SLURM job array, sent once, sent again, and those that leave open what they do."""

from pathlib import Path

import pytest

from spam_pipe.pipeline.errors import ConfigError
from spam_pipe.pipeline.runs.job_array import JobArray
from spam_pipe.pipeline.runs.shard import Shard, parse_shard
from spam_pipe.pipeline.store.folder import LocalFolder


def slurm(task: int, count: int, first: int, last: int) -> dict[str, str]:
    values = {"ID": task, "COUNT": count, "MIN": first, "MAX": last}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values.items()}


@pytest.fixture
def folder(tmp_path: Path) -> LocalFolder:
    return LocalFolder(tmp_path / "run")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (slurm(1, 4, 1, 4), Shard(1, 4)),
        (slurm(3, 4, 0, 3), Shard(4, 4)),
        (slurm(20, 3, 10, 30), Shard(2, 3)),
        (slurm(1, 1, 1, 1), Shard(1, 1)),
        (slurm(0, 1, 0, 0), Shard(1, 1)),
    ],
)
def test_auto_takes_the_task_of_a_job_array(
    folder: LocalFolder, environment: dict[str, str], expected: Shard
) -> None:
    assert parse_shard("auto", folder, environment) == expected


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "SLURM_ARRAY_TASK_ID is not set: submit a job array"),
        ({**slurm(1, 4, 1, 4), "SLURM_ARRAY_TASK_MAX": "x"}, "SLURM_ARRAY_TASK_MAX is 'x'"),
        (slurm(3, 3, 1, 8), "its part of the run can't be told; submit evenly spaced tasks"),
        (slurm(9, 4, 1, 4), "its part of the run can't be told"),
        (slurm(7, 1, 7, 7), "task 7, one of 1 from 7 to 7: its part of the run can't be told"),
    ],
)
def test_auto_without_an_array_that_says_it(
    folder: LocalFolder, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_shard("auto", folder, environment)


@pytest.mark.parametrize(
    ("before", "environment", "expected"),
    [
        (JobArray(1, 1, 8), slurm(7, 1, 7, 7), Shard(7, 8)),
        (JobArray(1, 1, 8), slurm(1, 1, 1, 1), Shard(1, 8)),
        (JobArray(0, 1, 8), slurm(7, 1, 7, 7), Shard(8, 8)),
        (JobArray(10, 10, 3), slurm(30, 2, 20, 30), Shard(3, 3)),
        (JobArray(1, 1, 8), slurm(7, 3, 3, 8), Shard(7, 8)),
        (JobArray(1, 1, 8), slurm(5, 8, 1, 8), Shard(5, 8)),
        (JobArray(1, 1, 8), slurm(5, 16, 1, 16), Shard(5, 16)),
        (JobArray(1, 1, 1), slurm(2, 4, 1, 4), Shard(2, 4)),
    ],
)
def test_the_run_knows_which_array_divided_it(
    folder: LocalFolder, before: JobArray, environment: dict[str, str], expected: Shard
) -> None:
    before.remember(folder)
    assert parse_shard("auto", folder, environment) == expected


@pytest.mark.parametrize(
    "environment",
    [slurm(2, 4, 1, 4), slurm(9, 1, 9, 9), slurm(12, 2, 12, 15), slurm(0, 8, 0, 7)],
)
def test_arrays_that_disagree_are_both_named_with_the_cure(
    folder: LocalFolder, environment: dict[str, str]
) -> None:
    JobArray(1, 1, 8).remember(folder)
    task, count, first, last = environment.values()
    with pytest.raises(ConfigError) as error:
        parse_shard("auto", folder, environment)
    assert str(error.value) == (
        f"--shard auto: task {task}, one of {count} from {first} to {last}, may be a part of "
        "--array=1-8, which divided this run, or divide it anew: submit --array=1-8, which skips "
        f"what is done, or delete {folder}/job-array.json"
    )


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"first": 1, "step": 0, "count": 8}', b'{"first": "1"}']
)
def test_a_damaged_memory_is_one_line(folder: LocalFolder, content: bytes) -> None:
    folder.write("job-array.json", content)
    with pytest.raises(ConfigError, match=r"job-array.json: is damaged; delete it$"):
        parse_shard("auto", folder, slurm(1, 4, 1, 4))


def test_arrays_are_written_as_slurm_reads_them() -> None:
    arrays = [JobArray(1, 1, 8), JobArray(10, 10, 3), JobArray(0, 1, 1)]
    assert [str(array) for array in arrays] == ["1-8", "10-30:10", "0"]
