"""Files that appear whole or not at all."""
import os


def write_whole(path, write):
    """`write(temporary)`, then rename: the file at path is the old one or the new one, never a part."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
