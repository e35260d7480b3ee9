"""Running foreign programs: deadlines, bounds, and nothing that outlives us."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from rollouts.gitops.process import CannotStart, Command, OutputTooLarge, TimedOut, run_process

ENV = {"PATH": os.environ["PATH"]}


def python(script: str, **settings: object) -> Command:
    return Command((sys.executable, "-c", script), env=ENV, **settings)


def is_running(pid: int) -> bool:
    """Tell whether a process exists and is more than a zombie that init has not reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


async def started(pid_file: Path) -> None:
    for _ in range(1000):
        if has_content(pid_file):
            return
        await asyncio.sleep(0.01)
    pytest.fail("the program did not start")


def test_a_program_gets_its_input_and_gives_its_output():
    done = asyncio.run(
        run_process(python("import sys; print(sys.stdin.read() * 2); sys.exit(3)", stdin=b"ab"))
    )

    assert (done.returncode, done.stdout) == (3, b"abab\n")


def test_a_program_sees_only_the_environment_it_is_given(monkeypatch):
    monkeypatch.setenv("SECRET", "hunter2")

    done = asyncio.run(run_process(python("import os; print(os.environ.get('SECRET'))")))

    assert done.stdout == b"None\n"


def test_a_program_that_reads_no_input_is_not_waited_for():
    done = asyncio.run(run_process(python("print('done')", stdin=b"x" * 1_000_000)))

    assert done.stdout == b"done\n"


def test_a_missing_program_is_named():
    with pytest.raises(CannotStart, match="no-such-program"):
        asyncio.run(run_process(Command(("no-such-program",), env=ENV)))


def test_a_late_program_is_killed_with_its_children(tmp_path):
    pid_file = tmp_path / "pid"
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(pid_file)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    started = time.monotonic()

    with pytest.raises(TimedOut, match=r"1\.5 seconds"):
        asyncio.run(run_process(python(script, timeout_seconds=1.5)))

    assert time.monotonic() - started < 10
    child = int(pid_file.read_text())
    while is_running(child) and time.monotonic() - started < 10:
        time.sleep(0.01)  # The signal is sent; the kernel ends the process in its own time.
    assert not is_running(child)


def test_a_child_that_keeps_the_pipe_open_cannot_hang_us():
    script = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],"
        " start_new_session=True)\n"
    )
    started = time.monotonic()

    with pytest.raises(TimedOut):
        asyncio.run(run_process(python(script, timeout_seconds=1)))

    assert time.monotonic() - started < 10


@pytest.mark.parametrize(("size", "fits"), [(999, True), (1000, True), (1001, False)])
def test_output_is_bounded(size, fits):
    command = python(f"import sys; sys.stdout.write('x' * {size})", output_bytes_max=1000)

    if fits:
        assert size == len(asyncio.run(run_process(command)).stdout)
    else:
        with pytest.raises(OutputTooLarge, match="more than 1000 bytes"):
            asyncio.run(run_process(command))


def test_endless_output_is_stopped():
    command = python("while True: print('x' * 1000)", output_bytes_max=100_000)

    with pytest.raises(OutputTooLarge):
        asyncio.run(run_process(command))


def test_only_the_end_of_the_complaints_is_kept():
    done = asyncio.run(
        run_process(python("import sys; sys.stderr.write('x' * 100_000 + 'the reason')"))
    )

    assert done.stderr.endswith(b"the reason")
    assert len(done.stderr) <= 16 * 1024


def test_a_cancelled_caller_leaves_no_process(tmp_path):
    pid_file = tmp_path / "pid"
    script = (
        f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )

    async def give_up() -> None:
        task = asyncio.create_task(run_process(python(script)))
        await started(pid_file)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())

    assert not is_running(int(pid_file.read_text()))
