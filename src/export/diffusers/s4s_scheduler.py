# SPDX-License-Identifier: MIT
# Copyright (c) 2026 S4S Studio contributors
"""A few-step solver, learned for one diffusion model by S4S Studio, as a scheduler of diffusers.

Put this file where Python finds it, then

    from s4s_scheduler import S4SScheduler
    pipe.scheduler = S4SScheduler.from_pretrained("the folder of this file")

or make this folder the `scheduler` folder of a pipeline and write

    "scheduler": ["s4s_scheduler", "S4SScheduler"]

into its model_index.json; DiffusionPipeline.from_pretrained(..., trust_remote_code=True) then finds it there.
"""

import math
import shutil
from pathlib import Path

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.schedulers.scheduling_utils import SchedulerMixin, SchedulerOutput
from diffusers.utils import logging

logger = logging.get_logger(__name__)


class S4SScheduler(SchedulerMixin, ConfigMixin):
    r"""
    Samples by a table of numbers. With N evaluations of the network F, from the start noise x_T:

        y_0     = x_T
        D_k     = c_skip[k] * y_k + c_out[k] * F(c_in[k] * y_k, timesteps[k])              k = 0 ... N-1
        y_{k+1} = start[k] * x_T + sum over j <= k of weights[k][j] * D_j                 y_N is the sample

    A table holds those lists under their names and works for its own N only: `set_timesteps(N)` picks it. It is for the
    model, and for the guidance, that it was learned with. There is no randomness in it, and it starts from pure noise:
    a picture cannot be handed in half-way (image to image at a strength below 1). The state is a sum over the start
    noise and what the network said, so a change that a pipeline or a callback makes to the latents between two steps
    acts only through the network's next answer.

    Args:
        tables (`list[dict]`):
            One table for each number of evaluations: `num_inference_steps`, `timesteps` (real numbers, what the network
            is handed), `c_in`, `c_skip`, `c_out`, the signal and noise levels `alphas` and `sigmas` of each evaluation,
            `start` and `weights`.
        init_noise_sigma (`float`, defaults to 1.0):
            What unit Gaussian noise is multiplied with to make x_T.
        prediction_type (`str`, defaults to `"epsilon"`):
            What the network returns: `epsilon`, `sample`, `v_prediction`, `flow_prediction`, or `edm` for the network
            inside the preconditioning of Karras et al. (2022). The tables have it built in already.
        num_train_timesteps, beta_start, beta_end, beta_schedule, trained_betas, rescale_betas_zero_snr, sigma_min,
        sigma_max, sigma_data, shift:
            The model's noise schedule by diffusers' names, for `OtherScheduler.from_config(pipe.scheduler.config)`.
            Nothing here reads them.
        source (`dict`, *optional*):
            Where the tables come from: the name of the model, the hash of its file, the run.
    """

    # Pipelines write the module of a component into model_index.json. Loaded out of a pipeline folder this module has
    # another name than its file; under that name nothing would find it again.
    __module__ = "s4s_scheduler"

    order = 1

    @register_to_config
    def __init__(
        self,
        tables: list[dict] | None = None,
        init_noise_sigma: float = 1.0,
        prediction_type: str = "epsilon",
        num_train_timesteps: int = 1000,
        beta_start: float | None = None,
        beta_end: float | None = None,
        beta_schedule: str | None = None,
        trained_betas: list[float] | None = None,
        rescale_betas_zero_snr: bool = False,
        sigma_min: float | None = None,
        sigma_max: float | None = None,
        sigma_data: float | None = None,
        shift: float | None = None,
        source: dict | None = None,
    ):
        if not tables:
            raise ValueError(
                "S4SScheduler needs learned tables, which the config of another scheduler does not have: load it with "
                "S4SScheduler.from_pretrained(FOLDER), where FOLDER was written by `s4s export`."
            )
        self._tables = {table["num_inference_steps"]: table for table in tables}
        self.init_noise_sigma = init_noise_sigma
        self.set_timesteps(min(self._tables))

    def set_timesteps(
        self,
        num_inference_steps: int | None = None,
        device: str | torch.device | None = None,
        sigmas: list[float] | None = None,
        mu: float | None = None,
    ):
        """
        Picks the table with `num_inference_steps` evaluations and goes back to its start.

        Args:
            num_inference_steps (`int`):
                The number of evaluations. There must be a table for it.
            device (`str` or `torch.device`, *optional*):
                Where `timesteps` is put.
            sigmas (`list[float]`, *optional*), mu (`float`, *optional*):
                Pipelines of flow models hand over an even grid of noise levels and its shift. A learned table has noise
                levels of its own: only the length of `sigmas` counts, and `mu` does not.
        """
        if sigmas is not None:
            count = len(sigmas)
            even = (abs(float(sigma) - (1 - k / count)) < 1e-3 for k, sigma in enumerate(sigmas))
            if not all(even):
                logger.warning("A learned table has noise levels of its own: of the given ones only the number counts.")
            num_inference_steps = count
        if num_inference_steps not in self._tables:
            known = ", ".join(str(count) for count in sorted(self._tables))
            raise ValueError(
                f"There is no table with {num_inference_steps} evaluations; num_inference_steps can be {known}."
            )
        self.num_inference_steps = num_inference_steps
        self._table = self._tables[num_inference_steps]
        self.timesteps = torch.tensor(self._table["timesteps"], dtype=torch.float32, device=device)
        self._restart()

    def set_begin_index(self, begin_index: int = 0):
        """Pipelines say here where they start. Only 0, pure noise, is possible."""
        if begin_index != 0:
            raise ValueError(
                "A learned table starts from pure noise: use strength=1.0, or another scheduler for image to image."
            )

    def scale_model_input(self, sample: torch.Tensor, timestep: float | torch.Tensor | None = None) -> torch.Tensor:
        """`c_in * sample`, which the network takes."""
        k = self._evaluation_at(timestep)
        self._is_input_scaled = True
        c_in = self._table["c_in"][k]
        return sample if c_in == 1 else sample * c_in

    def step(
        self,
        model_output: torch.Tensor,
        timestep: float | torch.Tensor,
        sample: torch.Tensor,
        generator: torch.Generator | None = None,
        return_dict: bool = True,
    ) -> SchedulerOutput | tuple[torch.Tensor]:
        """
        The next state, from what the network (with guidance, if any) returned for the scaled sample.

        Computed in float32, or in float64 for samples in float64, and returned in the type of `sample`.

        Args:
            model_output (`torch.Tensor`):
                F at this evaluation, in the shape of `sample`.
            timestep (`float` or `torch.Tensor`):
                The element of `timesteps` whose turn it is. The first one starts anew.
            sample (`torch.Tensor`):
                The state y_k.
            generator (`torch.Generator`, *optional*):
                Not used: nothing here is random.
            return_dict (`bool`, defaults to `True`):
                Whether to return a `SchedulerOutput` rather than a tuple.
        """
        if model_output.shape != sample.shape:
            raise ValueError(
                f"The network returned the shape {tuple(model_output.shape)} for a sample of {tuple(sample.shape)}; of "
                "a network that also predicts a variance hand over the other half only."
            )
        k = self._evaluation_at(timestep)
        table = self._table
        if table["c_in"][k] != 1 and not self._is_input_scaled:
            logger.warning("The network's input was not scaled: call scale_model_input before the network.")

        dtype = torch.promote_types(sample.dtype, torch.float32)
        if k == 0:
            self._x_T = sample.to(dtype, copy=True)
        self._denoised.append(table["c_skip"][k] * sample.to(dtype) + table["c_out"][k] * model_output.to(dtype))
        state = table["start"][k] * self._x_T
        for weight, denoised in zip(table["weights"][k], self._denoised):
            state = state + weight * denoised
        self._done = k + 1
        self._is_input_scaled = False
        if self._done == self.num_inference_steps:
            self._restart()

        state = state.to(sample.dtype)
        return SchedulerOutput(prev_sample=state) if return_dict else (state,)

    def add_noise(self, original_samples: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """`alpha * original_samples + sigma * noise` at the noise level of each timestep, one of `self.timesteps`."""
        known = self.timesteps.to(timesteps.device)
        nearest = (timesteps.reshape(-1, 1).to(known.dtype) - known).abs().argmin(dim=1)
        shape = (-1,) + (1,) * (original_samples.dim() - 1)

        def levels(name: str) -> torch.Tensor:
            values = torch.tensor(self._table[name], dtype=torch.float32, device=timesteps.device)
            return values[nearest].reshape(shape).to(original_samples)

        return levels("alphas") * original_samples + levels("sigmas") * noise

    def save_pretrained(self, save_directory, push_to_hub: bool = False, **kwargs):
        """Saves this file beside the config, so that what was saved can be loaded where this file is not."""
        Path(save_directory).mkdir(parents=True, exist_ok=True)
        target = Path(save_directory) / "s4s_scheduler.py"
        if target.resolve() != Path(__file__).resolve():
            shutil.copyfile(__file__, target)
        super().save_pretrained(save_directory, push_to_hub=push_to_hub, **kwargs)

    def __len__(self) -> int:
        return self.config.num_train_timesteps

    def _restart(self):
        self._done = 0
        self._x_T = None
        self._denoised = []
        self._is_input_scaled = False

    def _evaluation_at(self, timestep: float | torch.Tensor | None) -> int:
        """Which evaluation `timestep` is: the one whose turn it is, or the first, which starts anew."""
        if timestep is None:
            return self._done
        times = self._table["timesteps"]
        value = float(torch.as_tensor(timestep).flatten()[0])
        # Not equal: some pipelines hand over what they gave the network, in half precision.
        if math.isclose(value, times[self._done], rel_tol=0.01):
            return self._done
        if math.isclose(value, times[0], rel_tol=0.01):
            self._restart()
            return 0
        raise ValueError(
            f"Timestep {value:g} is out of turn: evaluation {self._done + 1} of {len(times)} is at "
            f"{times[self._done]:g}. Go through scheduler.timesteps in order, from the first."
        )
