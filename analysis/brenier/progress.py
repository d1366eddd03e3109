"""The progress of a solve from its log: a line on a terminal and in notebooks."""
import math
import sys

from .errors import BadArguments

WIDTH = 24  # of the bar


def in_notebook() -> bool:
    """Whether this is a notebook of Jupyter's."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"


class Bar:
    """Draws one line, over and over. How far: log(e_0 / e) / log(e_0 / tol), e the error and the sampling error
    together."""

    def __init__(self, stream, tol):
        self.stream, self.tol, self.first, self.far, self.text, self.drawn = stream, tol, None, 0.0, "", 0

    def __call__(self, event):
        name = event["event"]
        if name == "start":
            self.text = f"{event.get('n_targets')} targets in dimension {event.get('dim')}"
        elif name == "level":
            self.text = f"{event.get('clusters')} clusters"
        elif name == "iteration":
            self.iteration(event)
        elif name in ("held_out", "check") and event.get("rho") is not None:
            self.text = f"rho {event['rho']:.3g} ({event['rho_low']:.3g} to {event['rho_high']:.3g})"
        elif name == "end":
            self.far, self.text = 1.0, f"{event.get('status')}, {self.text}"
        else:
            return
        self.draw(event.get("seconds") or 0.0)

    def iteration(self, event):
        error = math.hypot(event.get("rho") or 0.0, event.get("sampling_error") or 0.0)
        self.text = f"iteration {event.get('iteration')}, rho in sample {event.get('rho') or 0.0:.3g}"
        if error > 0 and self.tol:
            self.first = max(self.first or error, error)
            if self.first > self.tol:
                self.far = max(self.far, min(0.99, math.log(self.first / error) / math.log(self.first / self.tol)))

    def draw(self, seconds):
        done = round(self.far * WIDTH)
        line = f"solve [{'#' * done}{'.' * (WIDTH - done)}] {seconds:.0f} s, {self.text}"
        self.stream.write("\r" + line.ljust(self.drawn))
        self.stream.flush()
        self.drawn = len(line)

    def close(self):
        if self.drawn:
            self.stream.write("\n")
            self.stream.flush()


def follower(progress, tol):
    """What is told of each event of the log: None, or a function. progress: None (a bar on a terminal and in
    notebooks), True, False, or a function of the event, a dictionary."""
    if progress is None:
        progress = in_notebook() or (sys.stderr is not None and sys.stderr.isatty())
    if callable(progress) or progress is False:
        return progress or None
    if progress is not True:
        raise BadArguments(f"progress is {progress!r}; it is None, True, False or a function of an event")
    return Bar(sys.stderr, tol)
