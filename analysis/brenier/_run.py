"""Runs a command of the program: follows its log, stops it on Ctrl-C, turns its error sentence into an exception."""
import json
import os
import signal
import subprocess
import time
import warnings

from ._program import command_line, environment
from .errors import BY_CODE, BrenierError, BrenierWarning, Killed, Stopped

ERROR, WARNING = "brenier: error: ", "brenier: warning: "
NOT_REACHED = 6
FIRST_WAIT, LONGEST_WAIT = 0.01, 0.2  # seconds between two looks at the log
PATIENCE = 10  # seconds until a program that was interrupted is killed


class Done:
    """A command that ended well. code: 0 or 6; output: what it printed; last: event name -> the last event of that
    name."""

    def __init__(self, code, output, last):
        self.code, self.output, self.last = code, output, last


class LogTail:
    """Hands the whole lines of a growing log to a function, as dictionaries."""

    def __init__(self, path, tell):
        self.path, self.tell, self.place, self.rest, self.last = path, tell, 0, b"", {}

    def look(self):
        try:
            with open(self.path, "rb") as file:
                file.seek(self.place)
                new = file.read()
        except FileNotFoundError:
            return
        self.place += len(new)
        *lines, self.rest = (self.rest + new).split(b"\n")
        for line in lines:
            try:
                event = json.loads(line)
                name = event["event"]
            except (ValueError, KeyError, TypeError):
                continue
            self.last[name] = event
            if self.tell:
                self.tell(event)


def run(arguments, *, ranks, folder, tell=None, names=(), stop_file=None, log=None) -> Done:
    """Runs `brenier ARGUMENTS` in a folder.

    tell: called with each event of the log; names: pairs (path, how an error sentence is to call it); stop_file: a file
    that makes the program stop in order, made on the first Ctrl-C; log: path of the log, else one in the folder. Raises
    the exception of the exit code with the program's sentence; a second Ctrl-C, or any exception of `tell`, ends the
    program at once.
    """
    log = log or os.path.join(folder, "log.jsonl")
    words = command_line([*arguments, "-log", log], ranks)
    tail = LogTail(log, tell)
    paths = [os.path.join(folder, name) for name in ("stdout", "stderr")]
    # Open MPI's folders of all runs lie in one, which the last one removes: a run that starts at that moment fails
    variables = {**environment(ranks), "OMPI_MCA_orte_tmpdir_base": folder}
    with open(paths[0], "wb") as out, open(paths[1], "wb") as err:
        process = subprocess.Popen(words, cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=err, start_new_session=True)  # fmt: skip
        try:
            code = wait(process, tail, stop_file)
        except BaseException:
            end(process)
            raise
    output, said = (read(path) for path in paths)
    for path, name in names:
        output, said = output.replace(path, name), said.replace(path, name)
    for line in said.splitlines():
        if line.startswith(WARNING):
            warnings.warn(line[len(WARNING) :], BrenierWarning, stacklevel=3)
    if code in (0, NOT_REACHED):
        return Done(code, output, tail.last)
    raise failure(code, said, arguments[0], output)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def wait(process, tail, stop_file):
    """Waits for the end, with a look at the log now and then; returns the exit code."""
    pause = FIRST_WAIT
    while True:
        try:
            code = process.poll()
            tail.look()
            if code is not None:
                return code
            time.sleep(pause)
            pause = min(1.2 * pause, LONGEST_WAIT)
        except KeyboardInterrupt:
            if stop_file is None or os.path.exists(stop_file):
                raise
            with open(stop_file, "w", encoding="utf-8"):
                pass


def end(process):
    """Ends the program and its ranks; mpiexec ends its own when it is interrupted."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def failure(code, said, command, output="") -> BrenierError:
    """The exception for an exit code and what was said on standard error; a stop is said last on standard output."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    sentences = [line[len(ERROR) :] for line in lines if line.startswith(ERROR)]
    if sentences and code in BY_CODE:
        return BY_CODE[code](sentences[-1])
    if code == Stopped.code:
        return Stopped(output.strip().splitlines()[-1] if output.strip() else f"brenier {command} was stopped")
    number = -code if code < 0 else code - 128
    if 0 < number < signal.NSIG:
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        return Killed(f"brenier {command}: {name} ended the program or one of its ranks")
    words = sentences or [line for line in lines if not set(line) <= set("-=")] or ["nothing was said"]
    error = BrenierError(f"brenier {command} ended with exit code {code}: {words[-1] if sentences else words[0]}")
    error.code = code
    return error
