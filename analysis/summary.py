#!/usr/bin/python3
"""Says in one line how good a transport map is, from the log of `brenier check RESULT.h5 -log LOG`.

usage: summary.py LOG
"""
import argparse
import sys

from brenier_files import BadFile, last_event, read_log, run
from figure_style import percent


def sentence(check):
    """The last check event of a log in words."""
    rho, low, high = (percent(max(check[name], 0.0)) for name in ("rho", "rho_low", "rho_high"))
    how = f" (95% interval {low} to {high}), held out" if check.get("curves", 1) else ", exact"
    plural = "" if check["empty"] == 1 else "s"
    empty = "no empty cell" if check["empty"] == 0 else f"{check['empty']:,} empty cell{plural}"
    return f"relative error of the cell masses {rho}{how}; {empty}"


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Says how good a transport map is.", allow_abbrev=False)
    parser.add_argument("log", metavar="LOG", help="JSON-lines log of brenier check")
    options = parser.parse_args(arguments)

    def work():
        check = last_event(read_log(options.log), "check")
        if check is None:
            raise BadFile(f"{options.log}: holds no event check; brenier check RESULT.h5 -log LOG writes one")
        print(sentence(check))

    return run("summary", work)


if __name__ == "__main__":
    sys.exit(main())
