"""Programs that end: each in a session of its own, all of which is killed when its time is over.

To kill mpiexec or a shell is not enough: its ranks may live on and keep the pipe that the test reads from.
"""
import contextlib
import glob
import os
import signal
import subprocess
import sys
import threading
import time

TIME_LIMIT = int(os.environ.get("BRENIER_TEST_SECONDS", "300"))  # of one program: what takes longer hangs
GRACE = 10  # seconds between TERM and KILL, and for what is left in a pipe after that


class Overdue(AssertionError):
    """A program did not end in time; the text says what it was and what it had said."""


def status(pid):
    """Name, state, session and start (in ticks since the boot) of a process; None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            name, _, rest = file.read().partition("(")[2].rpartition(")")
    except OSError:
        return None
    fields = rest.split()
    return name, fields[0], int(fields[3]), int(fields[19])


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def processes():
    """Ids and status of all processes that are no zombies."""
    for place in glob.glob("/proc/[0-9]*"):
        pid = int(os.path.basename(place))
        found = status(pid)
        if found and found[1] not in "ZX":
            yield pid, found


def of_session(leader):
    return {pid for pid, (_, _, session, _) in processes() if session == leader}


def signal_all(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def kill(find, seconds=None):
    """TERM, after some seconds KILL, to all processes whose ids find() returns until there are none; what they were."""
    found = {pid: f"{pid} {command_line(pid)} ({(status(pid) or '??')[1]})" for pid in find()}
    signal_all(found, signal.SIGTERM)
    signal_all(found, signal.SIGCONT)
    end = time.monotonic() + (GRACE if seconds is None else seconds)
    while find() and time.monotonic() < end:
        time.sleep(0.1)
    end = time.monotonic() + GRACE
    while time.monotonic() < end:
        rest = find()
        if not rest:
            break
        signal_all(rest, signal.SIGKILL)
        time.sleep(0.1)
    return sorted(found.values())


def kill_session(process, seconds=None):
    """Ends a program of start() and all that it has started; what they were."""
    return kill(lambda: of_session(process.pid), seconds)


def start(command, **options):
    """A subprocess.Popen in a session of its own."""
    return subprocess.Popen(list(map(str, command)), **{"stdin": subprocess.DEVNULL, "text": True, **options},
                            start_new_session=True)  # fmt: skip


def finish(process, seconds=TIME_LIMIT, text=None):
    """Standard output and standard error up to the end of a program of start(); Overdue when it does not come."""
    try:
        return process.communicate(text, timeout=seconds)
    except subprocess.TimeoutExpired:
        ran = kill_session(process)
    except BaseException:  # pytest's own limit, say
        print("killed:", *kill_session(process, 0), sep="\n  ", file=sys.stderr)
        raise
    try:
        out, err = process.communicate(timeout=GRACE)
    except subprocess.TimeoutExpired:  # who left the session has the pipe
        out, err = "", "(who holds the pipe is not known)"
    raise Overdue(f"{process.args}\nnot done in {seconds} s; killed: {'; '.join(ran)}\n{out or ''}\n{err or ''}")


def run(command, seconds=TIME_LIMIT, **options):
    """Like subprocess.run() with the output as text; Overdue when the program does not end in time."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    with start(command, **streams) as process:
        out, err = finish(process, seconds)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def lines(process, seconds=TIME_LIMIT):
    """Lines of the standard output of a program of start(), to its end; Overdue when that is not reached in time."""
    over, end = [], time.monotonic() + seconds
    watch = threading.Timer(seconds, lambda: over.extend(kill_session(process)))
    watch.daemon = True
    watch.start()
    try:
        for line in process.stdout:  # `yield from` would close it, once nobody asks for more
            yield line
    finally:
        watch.cancel()
    if over or time.monotonic() >= end:
        raise Overdue(f"{process.args}\nsaid nothing that was waited for in {seconds} s; killed: {'; '.join(over)}")
