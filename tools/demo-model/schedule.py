"""The noise schedule: linear betas, 1,000 steps, continuous time in [0, 999]."""
import numpy as np
import torch

_betas = np.linspace(1e-4, 0.02, 1000, dtype=np.float64)
_bar = np.cumprod(1.0 - _betas)
LOG_RATIO = 0.5 * np.log((1.0 - _bar) / _bar)  # log(sigma / alpha) at the integer nodes


def alpha_sigma(t):
    """t: float64 numpy array or torch tensor in [0, 999]. Linear in log(sigma / alpha) between nodes."""
    if isinstance(t, torch.Tensor):
        table = torch.as_tensor(LOG_RATIO, dtype=torch.float64)
        t = t.double().clamp(0, 999)
        i = t.floor().long().clamp(max=998)
        r = table[i] + (t - i) * (table[i + 1] - table[i])
        return torch.sigmoid(-2 * r).sqrt(), torch.sigmoid(2 * r).sqrt()
    r = np.interp(t, np.arange(1000), LOG_RATIO)
    return np.sqrt(1 / (1 + np.exp(2 * r))), np.sqrt(1 / (1 + np.exp(-2 * r)))


def time_of(log_ratio):
    """Inverse: the time at which log(sigma / alpha) has this value."""
    return np.interp(log_ratio, LOG_RATIO, np.arange(1000))
