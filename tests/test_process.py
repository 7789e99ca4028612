"""Signals, signs of life, and ends that come whatever hangs. What ends a process is tried on a process."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

from monitor.process import Pulse, interrupts_held

pytestmark = pytest.mark.traced


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def run(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_part_is_silent_when_it_was_not_heard_of_for_longer_than_it_may_be() -> None:
    clock = _Clock()
    pulse = Pulse(clock)
    pulse.beat("tick")
    pulse.beat("desk")
    clock.now += 31
    pulse.beat("desk")
    assert pulse.silent({"tick": 30.0, "desk": 30.0}) == ["tick"]
    assert pulse.age("tick") == 31


def test_a_part_that_was_never_heard_of_has_its_time_from_the_first_look() -> None:
    clock = _Clock()
    pulse = Pulse(clock)
    assert pulse.silent({"deliver-mail": 30.0}) == []
    clock.now += 31
    assert pulse.silent({"deliver-mail": 30.0}) == ["deliver-mail"]


def test_nobody_is_silent_after_the_whole_process_stood_still() -> None:
    """P9."""
    clock = _Clock()
    pulse = Pulse(clock)
    pulse.beat("tick")
    clock.now += 600
    pulse.forgive()
    assert pulse.silent({"tick": 30.0}) == []


WAITING = """
    from monitor.process import Signals, prepare
    prepare()
    signals = Signals()
    print("ready", flush=True)
    while not signals.stop:
        signals.wait(60)
        print("reload" if signals.take_reload() else "woken", flush=True)
"""


def test_a_signal_to_stop_wakes_the_main_loop_at_once_and_ends_it_in_order() -> None:
    with run(WAITING) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_second_signal_to_stop_ends_the_process_at_once() -> None:
    """P2."""
    with run(WAITING.replace("while not signals.stop", "while True")) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "woken\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 1


def test_a_storm_of_reloads_is_a_few_and_leaves_nothing_behind() -> None:
    """C14, P3."""
    with run(WAITING) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(2_000):
            process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "reload\n"
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(20) == 0
        assert rest.count("reload") < 2_000


@pytest.mark.parametrize(("number", "ends"), [(signal.SIGUSR1, False), (signal.SIGABRT, True)])
def test_the_operator_and_the_watchdog_get_to_see_every_thread(number: signal.Signals, ends: bool) -> None:
    """P3, P4."""
    with run(WAITING) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.send_signal(number)
        told = process.stderr.readline() + process.stderr.readline()
        assert "thread" in told.lower() or "Aborted" in told
        if not ends:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == (-signal.SIGABRT if ends else 0)


def test_a_thread_that_dies_says_so_in_one_masked_line() -> None:
    """P5, C16."""
    code = """
        import os, threading
        from monitor import logs, process
        from monitor.secret import Secret
        logs.set_up("journal")
        process.prepare()
        os.environ["PIN"] = "low-water-4417"
        secret = Secret(env="PIN").reveal()
        thread = threading.Thread(target=lambda: int(secret), name="deliver-mail")
        thread.start()
        thread.join()
    """
    with run(code) as process:
        _, told = process.communicate(timeout=20)
    assert told.startswith("<2>thread=deliver-mail died | Traceback")
    assert told.count("\n") == 1
    assert "low-water" not in told


def test_an_end_that_hangs_is_ended_with_every_stack_and_code_1() -> None:
    """P1."""
    code = """
        import threading
        from monitor import process
        with process.ending_within(0.5):
            threading.Event().wait()
    """
    with run(code) as process:
        _, told = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "Timeout" in told


def test_an_end_in_time_is_left_alone() -> None:
    code = """
        import time
        from monitor import process
        with process.ending_within(0.2):
            pass
        time.sleep(0.5)
        raise SystemExit(process.leave(3))
    """
    with run(code) as process:
        assert process.wait(20) == 3


def test_a_thread_that_cannot_be_told_to_stop_does_not_hold_up_the_end() -> None:
    code = """
        import threading
        from monitor import process
        threading.Thread(target=threading.Event().wait, name="dns").start()
        print("said before", end="")
        raise SystemExit(process.leave(0, within=0.2))
    """
    with run(code) as process:
        said, _ = process.communicate(timeout=20)
    assert (process.returncode, said) == (0, "said before")


def test_nor_does_a_thread_of_a_pool_that_a_daemon_has_begun() -> None:
    """P1: such threads are daemons too, and the interpreter waits for them all the same."""
    code = """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        from monitor import process
        pool = ThreadPoolExecutor(1)
        begin = threading.Thread(target=pool.submit, args=(threading.Event().wait,), daemon=True)
        begin.start()
        begin.join()
        print("said before", end="")
        raise SystemExit(process.leave(0, within=0.2))
    """
    with run(code) as process:
        said, _ = process.communicate(timeout=20)
    assert (process.returncode, said) == (0, "said before")


def test_ctrl_c_in_a_held_block_is_heard_when_it_is_over() -> None:
    done = []

    def work() -> None:
        with interrupts_held():
            signal.raise_signal(signal.SIGINT)
            done.append("the block")
        done.append("what follows")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the block"]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
