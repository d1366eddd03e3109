"""Options of the program from keyword arguments."""
import os

from .errors import BadArguments

OWN = ("o", "log", "stop_file", "options_file", "help", "version")


def words(options) -> "list[str]":
    """{"curves": 1000, "verify_lists": True} as ["-curves", "1000", "-verify_lists"]; None and False are left out.

    A path (os.PathLike) is made absolute, as the program runs in a folder of its own. Raises BadArguments for an option
    that the package gives itself.
    """
    found = []
    for name, value in options.items():
        if name in OWN:
            raise BadArguments(f"the option {name} is set by the package")
        if value is None or value is False:
            continue
        found.append(f"-{name}")
        if isinstance(value, os.PathLike):
            value = os.path.abspath(value)
        if value is not True:
            found.append(str(value))
    return found
