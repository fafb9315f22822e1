import threading
import time

import pytest

from spam_pipe.pipeline.running.turns import Turns
from spam_pipe.pipeline.running.work import time_limit
from tests.conftest import PATIENCE, wait_until


def wait_until_waiting(turns: Turns, count: int) -> None:
    wait_until(lambda: len(turns._waiting) == count)


def in_line(turns: Turns, had: list[int]) -> list[tuple[int, int]]:
    """Let threads come one after the other while somebody has the turn; return who went when."""
    went: list[tuple[int, int]] = []

    def go(number: int, turns_had: int) -> None:
        with turns.turn(turns_had):
            went.append((turns_had, number))

    threads = [threading.Thread(target=go, args=pair) for pair in enumerate(had)]
    with turns.turn(0):
        for number, thread in enumerate(threads):
            thread.start()
            wait_until_waiting(turns, number + 1)
        assert went == []
    for thread in threads:
        thread.join(PATIENCE)
    return went


def test_begun_items_go_first_and_equals_in_their_order() -> None:
    went = in_line(Turns(), [0, 3, 1, 3, 0, 7])
    assert went == [(7, 5), (3, 1), (3, 3), (1, 2), (0, 0), (0, 4)]


def test_one_at_a_time() -> None:
    turns, inside, most = Turns(), 0, 0

    def work() -> None:
        nonlocal inside, most
        for had in range(50):
            with turns.turn(had):
                inside += 1
                most = max(most, inside)
                time.sleep(0)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert (inside, most) == (0, 1)


def test_an_error_ends_the_turn() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="mine"), turns.turn(0):
        raise ValueError("mine")
    assert in_line(turns, [0]) == [(0, 0)]


def test_an_item_that_gives_up_waiting_leaves_the_line() -> None:
    turns, held, over = Turns(), threading.Event(), threading.Event()

    def hold() -> None:
        with turns.turn(0):
            held.set()
            over.wait(PATIENCE)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(PATIENCE)
    with pytest.raises(TimeoutError), time_limit(0.2), turns.turn(9):
        raise AssertionError("two at a time")
    assert turns._waiting == []
    over.set()
    holder.join(PATIENCE)
    assert in_line(turns, [0, 1]) == [(1, 1), (0, 0)]
