"""EDM's view of the network: noisy image and sigma in, clean image out (arXiv 2206.00364, section 5).

The network was trained with v-prediction on a variance-preserving schedule. With alpha = 1/sqrt(1 + sigma^2) that is
EDM's preconditioning with sigma_data = 1: c_skip = alpha^2, c_out = -sigma alpha, c_in = alpha. The network keeps the
time it was trained with: c_noise is the index of the noise level sigma among the 1,000 linear betas.
"""
import torch
from torch import nn

SIGMA_MIN, SIGMA_MAX = 0.002, 80.0  # EDM's range


def time_of_sigma(sigma):
    """The continuous schedule (beta from 0.1 to 20) inverted, scaled to the indices: within one index of the betas'."""
    return 996.2 * (torch.sqrt(0.01 + 39.8 * torch.log(1 + sigma * sigma)) - 0.1) / 19.9


class Edm(nn.Module):
    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, sample, sigma, class_labels):
        alpha = torch.exp(-0.5 * torch.log(1 + sigma * sigma))
        a, s = alpha.reshape(-1, 1, 1, 1), sigma.reshape(-1, 1, 1, 1)
        v = self.unet(a * sample, time_of_sigma(sigma), class_labels)
        return a * a * sample - s * a * v
