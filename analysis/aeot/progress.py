"""Progress with the time that remains: one line that is rewritten on a terminal, else a line now and then."""
import sys
import time

TERMINAL_SECONDS, FILE_SECONDS = 0.3, 20.0
WIDTH = 24


def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Progress:
    def __init__(self, name, total, done=0):
        self.name, self.total, self.first = name, total, done
        self.begin = self.last = time.monotonic()
        self.terminal = sys.stdout.isatty()

    def line(self, done, note, now):
        share = done / self.total
        bar = "#" * int(WIDTH * share)
        left = (now - self.begin) * (self.total - done) / max(1, done - self.first)
        return f"{self.name:22} [{bar:{WIDTH}}] {100 * share:3.0f}%  {clock(left)} left  {note}"

    def show(self, done, note=""):
        now = time.monotonic()
        if now - self.last < (TERMINAL_SECONDS if self.terminal else FILE_SECONDS):
            return
        self.last = now
        text = self.line(done, note, now)
        print(f"\r{text:100}" if self.terminal else text, end="" if self.terminal else "\n", flush=True)

    def end(self):
        text = f"{self.name:22} done in {clock(time.monotonic() - self.begin)}"
        print(f"\r{text:100}" if self.terminal else text, flush=True)
