"""Ctrl-C and SIGTERM end a command: it cleans up and exits with 130."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from filelock import FileLock
from support.runs import until

from acceptance.cli.conftest import Shell
from bulk.cli import signals
from bulk.cli.progress import Progress
from bulk.cli.runner import run
from bulk.reports.publish import LOCK, STAGE

needs_proc = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux shows what is loaded")


@needs_proc
@pytest.mark.parametrize("number", signals.STOP_SIGNALS)
def test_a_report_that_is_stopped_leaves_nothing_behind(shell: Shell, number: signal.Signals) -> None:
    """It prints one line, keeps the old reports, and removes the unfinished ones, which contain linkUrls."""
    shell.customers(3)
    shell.run("bulk migrate x.csv --sandbox")
    folder = shell.path / "reports" / "x"
    before = (folder / "report.html").read_bytes()
    with FileLock(folder / LOCK):  # the lock of another report, for which it waits
        command = [sys.executable, "-m", "bulk", "report", str(folder)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        maps = Path(f"/proc/{process.pid}/maps")
        until(lambda: "polars" in maps.read_text(), "the command has loaded")
        process.send_signal(number)
        _, err = process.communicate(timeout=240)
    assert (process.returncode, err.lstrip()) == (130, "bulk: interrupted\n")
    assert (folder / "report.html").read_bytes() == before
    assert not (folder / STAGE).exists()


WHILE_LOADING = """
import os, signal
from bulk import cli

def load(_):
    try:
        exec("import os, signal; os.kill(os.getpid(), signal.{name})")
    except BaseException as error:
        if {is_made_another}:
            raise {another} from error
        raise

cli.bulk.invoke = load
cli.main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("another", [None, "ImportError", "SystemError", "BaseException"])
def test_a_signal_while_a_command_loads_ends_it_with_130(name: str, another: str | None) -> None:
    """This is also true if other code turns the exception into another one, as polars does."""
    code = WHILE_LOADING.format(name=name, is_made_another=another is not None, another=another)
    ended = subprocess.run([sys.executable, "-c", code, "check"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.lstrip()) == (130, "bulk: interrupted\n")


def full_pipe() -> tuple[int, int]:
    """Return a pipe that is full and has no reader."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x")
    os.set_blocking(writing, True)
    return reading, writing


@pytest.mark.parametrize("number", signals.STOP_SIGNALS)
def test_a_run_that_waits_for_the_reader_of_its_messages_can_be_stopped(shell: Shell, number: signal.Signals) -> None:
    """Its event loop waits too, and does not handle the first signal. The second needs no loop."""
    shell.customers(3)
    reading, writing = full_pipe()
    command = [sys.executable, "-m", "bulk", "migrate", "x.csv", "--sandbox"]
    process = subprocess.Popen(command, cwd=shell.path, stdout=subprocess.DEVNULL, stderr=writing)
    os.close(writing)
    try:
        until((shell.path / "reports" / "x" / "journal.sqlite3").exists, "the run has begun")
        process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
        process.send_signal(number)
        assert process.wait(timeout=240) == signals.EXIT_CODE
    finally:
        process.kill()
        os.close(reading)


def test_a_run_in_the_background_ignores_ctrl_c(shell: Shell) -> None:
    """A script starts a background job with SIGINT ignored, and `bulk` respects that."""
    shell.customers(3)
    command = [sys.executable, "-m", "bulk", "migrate", "x.csv", "--sandbox", "--rate", "60"]
    ignoring = ["bash", "-c", """trap '' INT; exec "$@" """, "bash"]
    process = subprocess.Popen([*ignoring, *command], cwd=shell.path, stdout=subprocess.DEVNULL)
    try:
        until((shell.path / "reports" / "x" / "journal.sqlite3").exists, "the run has begun")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=240) == 0
    finally:
        process.kill()
    assert shell.states() == 3


IGNORING = """
import signal
import polars  # it handles SIGINT from here on, so a calculation would be interrupted
from bulk.cli import signals
signals.{call}
(ignored,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("SigIgn")]
print(int(ignored, 16) >> signal.SIGINT - 1 & 1)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("call", ["call_on_signal(lambda: None)", "raise_on_signal()", "interrupt_system_calls()"])
def test_an_ignored_ctrl_c_stays_ignored_although_polars_handles_it(call: str) -> None:
    """Otherwise Ctrl-C during a calculation ends a run in the background."""
    command = ["bash", "-c", """trap '' INT; exec "$@" """, "bash", sys.executable, "-c", IGNORING.format(call=call)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1\n"


def test_a_second_ctrl_c_ends_a_command_at_once() -> None:
    """It ends even if it still cleans up after the first."""
    code = WHILE_LOADING.format(name="SIGINT", is_made_another=True, another="exec('os.kill(os.getpid(), 2)')")
    ended = subprocess.run([sys.executable, "-c", code, "check"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, "")


WHERE_IT_IS_DROPPED = """
import os, signal
from bulk import cli

class Dying:
    def __del__(self):  # Python drops exceptions here
        os.kill(os.getpid(), signal.{name})

invoke = cli.bulk.invoke
def load(context):
    Dying()
    return invoke(context)

cli.bulk.invoke = load
cli.main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_that_python_drops_still_stops_a_command(shell: Shell, name: str) -> None:
    """Nothing is sent, and Python's own message about the dropped exception is not shown."""
    shell.customers(3)
    command = [sys.executable, "-c", WHERE_IT_IS_DROPPED.format(name=name), "migrate", "x.csv", "--sandbox"]
    ended = subprocess.run(command, cwd=shell.path, capture_output=True, text=True, check=False)
    assert ended.returncode == signals.EXIT_CODE
    assert "interrupted" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Dying" not in ended.stderr
    assert not (shell.path / "reports" / "x" / "results.csv").exists()


WHILE_ENDING = """
import atexit, os, signal
from bulk import cli

class Late:
    def __del__(self):  # runs after Python has removed its handlers
        os.kill(os.getpid(), signal.{name})

late = Late()
atexit.register(os.kill, os.getpid(), signal.{name})
cli.bulk.invoke = lambda _: 1
cli.main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_while_python_exits_does_not_change_the_exit_code(name: str) -> None:
    """The exit code is final by then."""
    code = WHILE_ENDING.format(name=name)
    ended = subprocess.run([sys.executable, "-c", code, "check"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_sigterm_after_a_run_acts_as_ctrl_c_does() -> None:
    """While the summary is printed, the loop that handled signals is gone; Python alone would end the process."""

    async def nothing(_: Progress, interrupt: anyio.Event) -> None:
        assert not interrupt.is_set()

    before = {number: signal.getsignal(number) for number in signals.STOP_SIGNALS}
    try:
        signals.raise_on_signal()
        own = signal.getsignal(signal.SIGTERM)
        run(nothing)
        assert [signal.getsignal(number) for number in signals.STOP_SIGNALS] == [own, own]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
