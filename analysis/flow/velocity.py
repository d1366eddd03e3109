"""A small velocity network v(x, t), with or without a class c, and the paths that it makes.

Training minimises the mean of abs(v((1 - t) x0 + t x1, t) - (x1 - x0))^2 over pairs (x0, x1) and uniform t. Euler
steps of length 1/N from t = 0 to 1 move noise to samples.
"""
import math
import time

import numpy as np
import torch

WIDTH = 256
HIDDEN = 3
FREQUENCIES = 4  # of t, each as cosine and sine
RATE = 2e-3
POINTS = 4096  # moved at once


class Velocity(torch.nn.Module):
    """v(x, t, c): x [n, d], t [n, 1], c [n] or None -> [n, d]."""

    def __init__(self, dim, classes=0, width=WIDTH):
        super().__init__()
        self.classes = classes
        widths = [dim + 1 + 2 * FREQUENCIES + classes] + [width] * HIDDEN
        layers = [layer for pair in zip(widths, widths[1:]) for layer in (torch.nn.Linear(*pair), torch.nn.SiLU())]
        self.layers = torch.nn.Sequential(*layers, torch.nn.Linear(width, dim))
        self.register_buffer("frequency", math.pi * torch.arange(1, FREQUENCIES + 1))

    def forward(self, x, t, label=None):
        angle = self.frequency * t
        parts = [x, t, angle.cos(), angle.sin()]
        if self.classes:
            parts.append(torch.nn.functional.one_hot(label, self.classes).to(x.dtype))
        return self.layers(torch.cat(parts, dim=1))


def train(pairs, dim, steps, seed, classes=0, width=WIDTH):
    """(network, seconds of this process, those of them that made the pairs), after so many steps of Adam, whose rate
    falls along a cosine. pairs: an iterator of (noise, code), with classes (noise, code, label)."""
    torch.manual_seed(seed)
    network = Velocity(dim, classes, width)
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    begin, drawing = time.process_time(), 0.0
    for _ in range(steps):
        before = time.process_time()
        x0, x1, *label = (torch.from_numpy(part) for part in next(pairs))
        drawing += time.process_time() - before
        t = torch.rand(len(x0), 1)
        loss = torch.mean((network((1 - t) * x0 + t * x1, t, *label) - (x1 - x0)) ** 2)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network, time.process_time() - begin, drawing


@torch.no_grad()
def move(network, noise, steps, label=None):
    """Positions of all noise [n, d] after 0, 1, ..., N Euler steps: [N + 1, n, d]."""
    made = []
    for first in range(0, len(noise), POINTS):
        part = slice(first, first + POINTS)
        x = torch.from_numpy(np.ascontiguousarray(noise[part]))
        given = () if label is None else (torch.from_numpy(np.ascontiguousarray(label[part])),)
        path = [x]
        for k in range(steps):
            x = x + network(x, torch.full((len(x), 1), k / steps), *given) / steps
            path.append(x)
        made.append(torch.stack(path).numpy())
    return np.concatenate(made, axis=1)


def curvature(paths):
    """Mean over paths and time of abs(v - D)^2, over the mean of abs(D)^2, with D the displacement of a path: 0 for
    straight paths of constant speed. paths: [N + 1, n, d]."""
    displacement = paths[-1] - paths[0]
    velocity = np.diff(paths, axis=0) * (len(paths) - 1)
    return float(((velocity - displacement) ** 2).sum(axis=2).mean() / (displacement**2).sum(axis=1).mean())
