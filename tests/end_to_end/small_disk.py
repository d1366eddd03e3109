"""A file system of some megabytes that a test can fill: in memory, or ext4 in a file behind a loop device."""
import contextlib
import os
import subprocess
import time

MEGABYTES = 16
KINDS = ("tmpfs", "ext4")


class NoDisk(Exception):
    """Nothing can be mounted here; the text says what was refused."""


def call(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except FileNotFoundError as error:
        raise NoDisk(str(error)) from error
    if done.returncode:
        raise NoDisk(f"{command[0]}: {done.stderr.strip()}")


def mount(kind, place, image):
    if kind == "tmpfs":
        call("mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "none", place)
        return
    with open(image, "wb") as file:
        file.truncate(MEGABYTES << 20)
    call("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", image)
    call("mount", "-o", "loop", image, place)


@contextlib.contextmanager
def small_disk(kind, folder):
    """Mounts one at FOLDER/disk; a Disk."""
    place = os.path.join(folder, "disk")
    os.mkdir(place)
    mount(kind, place, os.path.join(folder, "disk.img"))
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", place], check=True, timeout=60)


class Disk:
    def __init__(self, place):
        self.place = place
        self.filler = self.path("filler")

    def path(self, name):
        return os.path.join(self.place, name)

    def free(self):
        about = os.statvfs(self.place)
        return about.f_bavail * about.f_frsize

    def fill(self, leave=0):
        """Takes all space but that many bytes."""
        end = time.monotonic() + 60
        with open(self.filler, "ab") as file:
            while self.free() > leave and time.monotonic() < end:
                try:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, self.free() - leave)
                except OSError:  # what a file system keeps for itself
                    if self.free() <= leave + (1 << 14):
                        break
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, (self.free() - leave) // 2)

    def clear(self):
        os.remove(self.filler)

    def files(self):
        """What is there but the filler."""
        return sorted(set(os.listdir(self.place)) - {"filler", "lost+found"})
