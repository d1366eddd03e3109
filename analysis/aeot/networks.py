"""The networks that are compared, for images of 28 x 28 pixels between 0 and 1.

One decoder G: R^d -> images serves all generators, and one pyramid of convolutions all that look at images, so that
what differs is how the law of the codes is found:

    auto-encoder   min |r|^2 + |grad r|^2, the mean over pixels of r = G(F(x) + e) - x and its differences to the pixels
                   below and beside, e ~ N(0, s^2 I); F ends in a normalisation: codes have unit variances
    VAE            min of sum over pixels of the cross entropy of x and G(z), + KL(q(z|x) | N(0, I))
                   (Kingma and Welling 2014)
    WGAN-GP        max_C min_G E C(x) - E C(G(z)) - 10 E (|grad C| - 1)^2 (Gulrajani et al. 2017)
    classifier     cross entropy on the labels; the layer before its last gives the features of all scores

The noise e makes G smooth between codes, where AE-OT decodes; the normalisation keeps F from escaping it by long codes.
The gradient keeps the edges by which a coat is no pullover; the 1-norm, which prefers the middle of what it cannot
know, loses buttons and seams altogether (docs/devlog/2026-11.md has both).
Each class has `step(images, labels, optimisers, number)`, which takes one step of training and returns the loss.
"""
import torch
from torch import nn
from torch.nn import functional

SIDE = 28
CLASSES = 10
FEATURES = 128
BATCH = 64
GRADIENT_PENALTY = 10.0
CRITIC_STEPS = 3  # to one of the generator; 5 in the paper, which leaves too few of these in minutes


def pyramid(outputs, channels, normalise=True):
    """Images to `outputs` numbers. A critic is not normalised: its gradient penalty is one for each image."""

    def norm(count):
        return nn.BatchNorm2d(count) if normalise else nn.Identity()

    return nn.Sequential(
        nn.Conv2d(1, channels // 2, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(channels // 2, channels, 4, 2, 1),
        norm(channels),
        nn.LeakyReLU(0.2),
        nn.Conv2d(channels, channels, 3, 1, 1),
        norm(channels),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(channels * (SIDE // 4) ** 2, outputs),
    )


def make_decoder(dim, channels):
    """Codes to images, by sub-pixel convolutions: no chequerboard, most of the work at low resolution."""
    return nn.Sequential(
        nn.Linear(dim, channels * (SIDE // 4) ** 2, bias=False),
        nn.BatchNorm1d(channels * (SIDE // 4) ** 2),
        nn.ReLU(),
        nn.Unflatten(1, (channels, SIDE // 4, SIDE // 4)),
        nn.Conv2d(channels, 2 * channels, 3, 1, 1, bias=False),
        nn.PixelShuffle(2),
        nn.BatchNorm2d(channels // 2),
        nn.ReLU(),
        nn.Conv2d(channels // 2, channels, 3, 1, 1),
        nn.PixelShuffle(2),
        nn.ReLU(),
        nn.Conv2d(channels // 4, 1, 3, 1, 1),
        nn.Sigmoid(),
    )


def adam(parameters, rate=3e-3, betas=(0.9, 0.999)):
    return torch.optim.Adam(parameters, lr=rate, betas=betas)


class Trained(nn.Module):
    """A network with one loss, `loss(images, labels)`, and one optimiser."""

    batch = BATCH
    can_round = True

    def optimisers(self):
        return [adam(self.parameters())]

    def step(self, images, labels, optimisers, number):
        loss = self.loss(images, labels)
        optimisers[0].zero_grad()
        loss.backward()
        optimisers[0].step()
        return float(loss.detach())


class AutoEncoder(Trained):
    def __init__(self, dim, channels, code_noise=0.05):
        super().__init__()
        self.code_noise = code_noise
        self.encoder = nn.Sequential(pyramid(dim, channels), nn.BatchNorm1d(dim, affine=False))
        self.decoder = make_decoder(dim, channels)

    def loss(self, images, labels):
        codes = self.encoder(images)
        error = self.decoder(codes + self.code_noise * torch.randn_like(codes)).float() - images
        return sum(part.square().mean() for part in (error, error.diff(dim=2), error.diff(dim=3)))


class VariationalAutoEncoder(Trained):
    def __init__(self, dim, channels):
        super().__init__()
        self.dim = dim
        self.encoder = pyramid(2 * dim, channels)
        self.decoder = make_decoder(dim, channels)

    def loss(self, images, labels):
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        codes = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1).mean()
        logits = self.decoder[:-1](codes).float()  # without the sigmoid, whose ends have no logarithm
        likelihood = functional.binary_cross_entropy_with_logits(logits, images)
        return likelihood + divergence / SIDE**2


class WassersteinGan(nn.Module):
    """A step is one of the critic; the generator takes one in CRITIC_STEPS."""

    batch = BATCH
    can_round = False  # in bfloat16 it collapsed to one class, even with its penalty in single precision

    def __init__(self, dim, channels):
        super().__init__()
        self.dim = dim
        self.critic = pyramid(1, channels, normalise=False)
        self.decoder = make_decoder(dim, channels)

    def optimisers(self):
        return [adam(net.parameters(), 5e-4, (0.5, 0.9)) for net in (self.critic, self.decoder)]

    def critic_loss(self, images):
        with torch.no_grad():
            fake = self.decoder(torch.randn(len(images), self.dim))
        share = torch.rand(len(images), 1, 1, 1)
        between = (share * images + (1 - share) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
        penalty = ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
        return self.critic(fake).mean() - self.critic(images).mean() + GRADIENT_PENALTY * penalty

    def step(self, images, labels, optimisers, number):
        loss = self.critic_loss(images)
        optimisers[0].zero_grad()
        loss.backward()
        optimisers[0].step()
        if number % CRITIC_STEPS == CRITIC_STEPS - 1:
            wanted = -self.critic(self.decoder(torch.randn(len(images), self.dim))).mean()
            optimisers[1].zero_grad()
            wanted.backward()
            optimisers[1].step()
        return float(loss.detach())


class Classifier(Trained):
    def __init__(self, dim, channels):
        super().__init__()
        self.features = nn.Sequential(pyramid(FEATURES, channels), nn.BatchNorm1d(FEATURES), nn.ReLU())
        self.last = nn.Linear(FEATURES, CLASSES)

    def loss(self, images, labels):
        return functional.cross_entropy(self.last(self.features(images)), labels)


MODELS = {
    "classifier": Classifier,
    "auto-encoder": AutoEncoder,
    "vae": VariationalAutoEncoder,
    "wgan-gp": WassersteinGan,
}
