# %% [markdown]
# # Tutorial: Brenier from Python
#
# A plain script in cells. Editors such as VS Code, Spyder and JupyterLab with Jupytext show it as a notebook. As a
# script it writes its pictures into the present folder:
#
#     export PYTHONPATH=$PWD/analysis
#     mkdir -p out/tutorial && cd out/tutorial
#     python3 ../../docs/tutorial/python.py
#
# It needs the program `brenier`, NumPy, h5py and Matplotlib. `docs/python.md` has all functions and arguments, and
# `docs/notation.md` the symbols.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

import brenier

SMALL = "BRENIER_TUTORIAL_SMALL" in os.environ  # set by the tests: fewer targets
N = 60 if SMALL else 240
rng = np.random.default_rng(0)
plt.rcParams.update({"figure.dpi": 120, "axes.spines.top": False, "axes.spines.right": False})


def frame(axes, title, half=3.0):
    """The square [-half, half]^2 without ticks."""
    axes.set(xlim=(-half, half), ylim=(-half, half), aspect="equal", xticks=[], yticks=[], title=title)


# %% [markdown]
# ## 1. Targets
#
# The targets y are N points of the plane, [N, 2]: two half circles, the *moons*. Here all have the weight 1/N.

# %%
label = np.arange(N) % 2
angle = np.pi * rng.random(N)
moons = np.stack([np.cos(angle), np.sin(angle)], axis=1)
moons[label == 1] = [1, 0.5] - moons[label == 1]
y = 1.6 * (moons - [0.5, 0.25]) + 0.05 * rng.standard_normal((N, 2))

# %% [markdown]
# ## 2. The map
#
# `solve` computes the optimal transport map T from the normal distribution N(0, I) to the targets. In the plane the
# cell masses are computed exactly, so rho, their relative error, falls to rounding level.

# %%
r = brenier.solve(y)
print(r)
print(f"rho {r.rho:.1e}, W2 {r.w2:.6f}")

# %% [markdown]
# Each target y_i has a cell W_i: the points that T moves to y_i. `index` gives the cell of a point. On a grid of points
# it draws the cells. All cells have the mass 1/N, so they are larger where N(0, I) has less mass.

# %%
side = np.linspace(-3, 3, 150 if SMALL else 500)
grid = np.stack(np.meshgrid(side, side), axis=-1)  # [500, 500, 2]
cell = r.index(grid)  # [500, 500]
shade = rng.permutation(len(r.targets)) / len(r.targets)  # of each cell
of_moon = label[r.row]  # label of each target

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.9))
colour = np.where(of_moon[cell][..., None] == 0, plt.cm.Blues(0.25 + 0.6 * shade[cell]),
                  plt.cm.Oranges(0.25 + 0.6 * shade[cell]))  # fmt: skip
left.imshow(colour, extent=(-3, 3, -3, 3), origin="lower")
frame(left, "cells: noise that goes to one target")
right.scatter(*r.targets.T, s=12, c=np.where(of_moon == 0, "tab:blue", "tab:orange"))
frame(right, "targets")
figure.tight_layout()
figure.savefig("python_cells.png")

# %% [markdown]
# ## 3. Points on their way
#
# `map` gives T(x). The point x moves along the straight path (1 - t) x + t T(x). Two paths
# of optimal transport are at different points at each time t < 1.

# %%
x = rng.standard_normal((1500, 2))
image = r.map(x)
figure, parts = plt.subplots(1, 4, figsize=(12, 3.5))
for axes, t in zip(parts, (0, 0.4, 0.8, 1)):
    axes.scatter(*((1 - t) * x + t * image).T, s=2, c=np.where(of_moon[r.index(x)] == 0, "tab:blue", "tab:orange"))
    frame(axes, f"t = {t}")
figure.tight_layout()
figure.savefig("python_paths.png")

# %% [markdown]
# ## 4. Potentials
#
# T is the gradient of the convex function u. The Kantorovich potentials are phi(x) and psi_i. They satisfy
# phi(x) + psi_i <= abs(x - y_i)^2/2, with equality where T(x) = y_i.

# %%
phi, psi = r.phi(x), r.psi
cost = 0.5 * ((x[:, None] - r.targets) ** 2).sum(axis=2)  # [1500, N]
print("smallest difference of the two sides", (cost - phi[:, None] - psi).min())
h = 1e-6
slope = (r.potential(x + [h, 0]) - r.potential(x - [h, 0])) / (2 * h)
print("points where a finite difference of u is T:", np.mean(np.abs(slope - image[:, 0]) < 1e-6))

# %% [markdown]
# ## 5. Where the map jumps
#
# Between two cells, on a *facet*, T jumps from one target to another. The angle of a facet measures the jump. A chain
# of facets with large angles separates the moons. Samples with `extension="linear"` lie between targets; `reject`
# leaves out those that cross this chain.

# %%
facets = r.facets(threshold=15)  # degrees
print(f"{len(facets.angle)} facets, {np.sum(facets.angle > 15)} above 15 degrees, modes {1 + facets.mode.max()}")
made = r.sample(2000, seed=1, extension="linear", threshold=15, singular="reject")
print("codes between targets", made.code.shape)

# %% [markdown]
# ## 6. Pairs to train with
#
# `couplings` draws noise and gives its targets, batch after batch without end. A network that learns to move noise to
# data trains on such pairs (`docs/howto/from-flow-matching.md`).

# %%
pairs = r.couplings(batch=256, seed=1)
noise, code = next(pairs)
print(noise.shape, code.shape, noise.dtype)
counts = np.zeros(len(r.targets))
for _, (_, _, index) in zip(range(200), r.couplings(batch=256, seed=2, index=True)):
    counts += np.bincount(index, minlength=len(counts))
print("pairs of a target: mean", counts.mean(), "standard deviation", counts.std(), "expected", np.sqrt(counts.mean()))

# %% [markdown]
# ## 7. A gradient
#
# `transport_cost` is W2^2/2. Its gradient for target i is nu_i (y_i - b_i), with b_i the barycentre of cell i. Steps
# along it move the targets towards the best approximation of N(0, I) by N points (Lloyd's method: y_i becomes b_i).

# %%
z, path = 0.3 * rng.standard_normal((40, 2)), []
for _ in range(3 if SMALL else 12):
    step = brenier.solve(z)
    path.append((step.w2, z))
    z = step.barycenters[np.argsort(step.row)].astype(float)  # in the order of z
print("W2", " ".join(f"{w2:.3f}" for w2, _ in path))

figure, parts = plt.subplots(1, 3, figsize=(11, 3.8))
for axes, (w2, points), when in zip(parts, (path[0], path[-1]), ("at first", f"after {len(path) - 1} steps")):
    axes.scatter(*x.T, s=1, c="lightgrey")
    axes.scatter(*points.T, s=14, c="tab:blue")
    frame(axes, f"{when}: W2 = {w2:.2f}")
parts[2].plot([w2 for w2, _ in path], "o-")
parts[2].set(xlabel="step", title="W2 from N(0, I) to the points")
figure.tight_layout()
figure.savefig("python_lloyd.png")

# %% [markdown]
# ## 8. Higher dimension
#
# From four dimensions on, masses are sampled along curves. rho is then measured on curves that the solver has not used,
# and has a 95% interval. `tol` bounds the upper end of this interval. The history has one entry for each iteration.

# %%
d = 8
y8 = rng.standard_normal((4 * N, d)) * np.linspace(2, 0.5, d)
r8 = brenier.solve(y8, tol=0.2)
print(f"rho {r8.rho:.3f} ({r8.rho_low:.3f} to {r8.rho_high:.3f}), {r8.status}")
print(f"W2 {r8.w2:.3f}")

figure, axes = plt.subplots(figsize=(5, 3.4))
axes.semilogy(r8.history["rho"], "o-", label="in sample")
axes.axhspan(r8.rho_low, r8.rho_high, color="tab:orange", alpha=0.4, label="held out, 95% interval")
axes.axhline(0.2, color="grey", linestyle="--", label="tol")
axes.set(xlabel="iteration", ylabel="rho", title=f"{len(y8)} targets in dimension {d}")
axes.xaxis.get_major_locator().set_params(integer=True)
axes.legend()
figure.tight_layout()
figure.savefig("python_history.png")

# %% [markdown]
# ## 9. One map for each class
#
# With `classes` there is a map for each label. It moves all of N(0, I) to the targets of that label. A model that is
# given the label needs such pairs: the map of section 2 moves one half of the noise to each moon.

# %%
maps = brenier.solve(y, classes=label)
for c, of_class in maps.items():
    print(f"class {c}: {of_class}, mean image {of_class.map(x).mean(axis=0).round(2)}")

# %% [markdown]
# A result is a file. `save` keeps it, and `load` opens it again.

# %%
r.save("moons.h5")
print(brenier.load("moons.h5").w2 == r.w2)
