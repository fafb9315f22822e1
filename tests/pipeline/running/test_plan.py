"""States of results, from records and fingerprints: what is read to know them, and what is not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.running.executors import InProcess
from spam_pipe.pipeline.running.plan import ItemPlan, State, fingerprint, plan
from tests.pipeline.running.small_items import SmallRun, noise_item, small_run

DONE, STALE, FAILED, TODO = State.DONE, State.STALE, State.FAILED, State.TODO


def plan_one(run: SmallRun, item: Item, **options: Any) -> ItemPlan:
    (planned,) = plan([item], run.chain, run.config, run.folder, **options)
    return planned


def states(run: SmallRun, item: Item, **options: Any) -> dict[str, set[State]]:
    """Return the states of an item's results by stage."""
    return {
        name: set(units.values()) for name, units in plan_one(run, item, **options).states.items()
    }


@pytest.fixture
def run(tmp_path: Path) -> SmallRun:
    """A run with everything made of item 0."""
    made = small_run(tmp_path)
    (outcome,) = InProcess().run(iter([(made.job(noise_item(0)),)]))
    assert outcome.failure is None
    return made


def test_an_item_without_records_is_to_do_and_its_file_is_not_read(run: SmallRun) -> None:
    asked: list[str] = []
    planned = plan_one(run, noise_item(1, asked=asked))
    assert planned.work() == {name: link.units for name, link in run.chain.items()}
    assert set(planned.counts()) == {TODO}
    assert asked == []


def test_a_finished_item_is_done_without_reading_its_file(run: SmallRun) -> None:
    asked: list[str] = []
    planned = plan_one(run, noise_item(0, asked=asked))
    assert set(planned.counts()) == {DONE}
    assert planned.work() == {}
    assert len(planned.records) == sum(len(link.units) for link in run.chain.values())
    assert asked == []  # the file is as old and as large as when it was read


def test_a_touched_file_is_hashed_once_and_done(run: SmallRun) -> None:
    asked: list[str] = []
    assert set(plan_one(run, noise_item(0, written="tuesday", asked=asked)).counts()) == {DONE}
    assert asked == ["digest"]


def test_other_bytes_make_all_stages_stale(run: SmallRun) -> None:
    changed = Item("noise-0", "all", noise_item(7).image)
    assert states(run, changed) == {name: {STALE} for name in run.chain}


def test_a_stage_made_again_leaves_those_before_it(run: SmallRun) -> None:
    found = states(run, noise_item(0), overwrite=["segment"])
    assert found.pop("segment") == {STALE}
    assert set.union(*found.values()) == {DONE}


def test_a_lost_result_is_to_do_and_those_that_stand_on_it_stay(run: SmallRun) -> None:
    first = next(iter(run.chain))
    store = run.chain[first].store
    run.folder.delete(store.record_key("noise-0", None))
    found = states(run, noise_item(0))
    assert found.pop(first) == {TODO}
    assert set.union(*found.values()) == {DONE}


def test_a_failure_is_of_the_store_that_it_names(run: SmallRun) -> None:
    named = {(run.chain["segment"].store.name, "noise-1")}
    found = states(run, noise_item(1), failed=named)
    assert found.pop("segment") == {FAILED}
    assert set.union(*found.values()) == {TODO}
    # What was made is done, whatever the list of failures still says.
    assert states(run, noise_item(0), failed={(run.chain["segment"].store.name, "noise-0")}) == {
        name: {DONE} for name in run.chain
    }


def test_another_option_is_another_store_and_finds_nothing_done(
    run: SmallRun, tmp_path: Path
) -> None:
    other = small_run(tmp_path, {"segment": {"compactness": 3.0}})
    found = states(other, noise_item(0))
    assert found.pop("segment") == {TODO}
    assert set.union(*found.values()) == {DONE}


def test_items_are_read_in_batches(run: SmallRun) -> None:
    taken = 0

    def items() -> Iterator[Item]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield noise_item(number)

    planned = plan(items(), run.chain, run.config, run.folder)
    assert next(planned).item.id == "noise-0"
    assert taken < 200
    assert sum(1 for _ in planned) == 999


def test_a_fingerprint_covers_what_a_result_depends_on(run: SmallRun) -> None:
    link = run.chain["segment"]
    digests = {
        "image": "a",
        "valid": "",
        "segment_weights": "",
        "segment_engine": "onnxruntime",
        "segment_annotations": "",
        "external": "",
        "attention": "",
        "attention_checkpoint": "",
    }
    upstream = {name: {None: f"made by {name}"} for name in link.upstream}
    known = fingerprint(link, digests, upstream, 4)
    assert known == fingerprint(link, dict(digests), upstream, 4)
    others = {
        fingerprint(link, digests, upstream, 2),
        fingerprint(link, {**digests, "image": "b"}, upstream, 4),
        fingerprint(link, {**digests, "valid": "c"}, upstream, 4),
        fingerprint(link, {**digests, "segment_engine": "torch"}, upstream, 4),
        fingerprint(link, digests, {name: {None: "made anew"} for name in upstream}, 4),
    }
    assert len(others | {known}) == 6
