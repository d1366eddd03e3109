"""Trains a model of networks.py for a number of steps that is fixed beforehand, and survives its end.

Step k of a model uses random numbers that depend on (seed, model, k) alone, and passes over the images in an order that
depends on (seed, model, pass): a run that is killed and started again ends with the same weights. The number of steps
is the wanted time over the measured time of a step; it is kept in plan.json, so what follows does not depend on how
busy the machine is. The learning rate falls to 0 along a cosine.

With --precision bfloat16 products are rounded to 8 bits while weights, sums and losses stay in single precision, which
is three times as fast where the processor has instructions for it; what is trained is evaluated in single precision.
WGAN-GP is always trained in single precision.

A checkpoint holds weights, states of the optimisers, the step and the seconds spent; a temporary file and a rename
replace the one before, so there is always a whole one.
"""
import json
import math
import os
import time
import zlib

import torch

from aeot.networks import MODELS
from aeot.progress import Progress
from whole_file import write_whole

MEASURED_SECONDS = 4.0
WARM_STEPS = 5
CHECKPOINT_SECONDS = 20.0


def write_json(path, value):
    def write(temporary):
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=1)
            file.write("\n")

    write_whole(path, write)


def read_json(path, default=None):
    if not os.path.exists(path) and default is not None:
        return default
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def start_random(*names):
    """Random numbers from here on depend on these names alone."""
    torch.manual_seed(zlib.crc32(" ".join(map(str, names)).encode()))


class Batches:
    """The images of step k: pass after pass over all, each in an order of its own."""

    def __init__(self, count, size, seed, name):
        self.count, self.size, self.key = count, min(size, count), (seed, name)
        self.current, self.order = None, None

    def rows(self, step):
        number, within = divmod(step, self.count // self.size)
        if number != self.current:
            generator = torch.Generator().manual_seed(zlib.crc32(f"{self.key} pass {number}".encode()))
            self.current, self.order = number, torch.randperm(self.count, generator=generator)
        return self.order[within * self.size : (within + 1) * self.size]


class Training:
    """One model in training: `step` says how many steps are done, `seconds` the time they took."""

    def __init__(self, name, options, data):
        self.name, self.seed, self.data = name, options.seed, data
        start_random(self.seed, name, "weights")
        more = {"code_noise": options.code_noise} if name == "auto-encoder" else {}
        self.model = MODELS[name](options.latent, options.channels, **more).to(memory_format=torch.channels_last)
        self.rounded = self.model.can_round and options.precision == "bfloat16"
        self.optimisers = self.model.optimisers()
        self.rates = [optimiser.param_groups[0]["lr"] for optimiser in self.optimisers]
        self.batches = Batches(len(data.images), self.model.batch, self.seed, name)
        self.step, self.seconds = 0, 0.0

    def advance(self, steps):
        """One step of `steps`; returns the loss."""
        start_random(self.seed, self.name, self.step)
        for optimiser, rate in zip(self.optimisers, self.rates):
            optimiser.param_groups[0]["lr"] = 0.5 * rate * (1 + math.cos(math.pi * self.step / steps))
        rows = self.batches.rows(self.step)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.rounded):
            loss = self.model.step(self.data.images[rows], self.data.labels[rows], self.optimisers, self.step)
        self.step += 1
        return loss

    def facts(self):
        return {"steps": self.step, "seconds": round(self.seconds, 1)}

    def save(self, path):
        state = {
            "model": self.model.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "step": self.step,
            "seconds": self.seconds,
        }
        write_whole(path, lambda temporary: torch.save(state, temporary))

    def load(self, path):
        state = torch.load(path)
        self.model.load_state_dict(state["model"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"]):
            optimiser.load_state_dict(saved)
        self.step, self.seconds = state["step"], state["seconds"]


def best_precision():
    """What `--precision auto` means on this machine."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            flags = next((line.split() for line in file if line.startswith("flags")), [])
    except OSError:
        flags = []
    return "bfloat16" if {"avx512_bf16", "amx_bf16"} & set(flags) else "float32"


def seconds_per_step(name, options, data):
    """Measured on a copy that is thrown away."""
    copy = Training(name, options, data)
    copy.model.train()
    for _ in range(WARM_STEPS):
        copy.advance(1 << 30)
    begin = time.monotonic()
    while time.monotonic() - begin < MEASURED_SECONDS:
        copy.advance(1 << 30)
    return (time.monotonic() - begin) / (copy.step - WARM_STEPS)


def planned_steps(name, options, data):
    """Steps of a model: --steps, else what the plan says, else as many as fit into the budget, noted in the plan."""
    path = os.path.join(options.out, "plan.json")
    plan = read_json(path, {})
    if name not in plan:
        if options.steps:
            plan[name] = {"steps": options.steps}
        else:
            minutes = options.budget * (options.classifier_share if name == "classifier" else 1.0)
            seconds = seconds_per_step(name, options, data)
            plan[name] = {"seconds_per_step": seconds, "steps": max(1, round(60 * minutes / seconds))}
        write_json(path, plan)
    return plan[name]["steps"]


def train(name, options, data):
    """The trained model, from its checkpoint as far as that goes; ready to be evaluated."""
    path = os.path.join(options.out, f"{name}.pt")
    steps = planned_steps(name, options, data)
    training = Training(name, options, data)
    if os.path.exists(path):
        training.load(path)
    if training.step < steps:
        run_steps(training, steps, path, options.checkpoint_seconds)
    training.model.eval()
    return training


def run_steps(training, steps, path, interval):
    training.model.train()
    progress = Progress(f"training {training.name}", steps, training.step)
    saved = last = time.monotonic()
    while training.step < steps:
        loss = training.advance(steps)
        now = time.monotonic()
        training.seconds += now - last
        last = now
        progress.show(training.step, f"loss {loss:.4f}")
        if now - saved > interval or training.step == steps:
            training.save(path)
            saved = last = time.monotonic()
    progress.end()
