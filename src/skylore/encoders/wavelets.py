"""Oriented Morlet wavelets and radial windows on a square canvas, exact under its symmetries."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["WaveletBank", "WaveletGrid", "centred_grid"]


@dataclass(frozen=True)
class WaveletGrid:
    """The sizes of a wavelet bank; the defaults are those of the scattering encoder.

    Attributes
    ----------
    canvas : int
        The side of the square canvas in pixels; divisible by twice ``2 ** (scales - 1)``.
    scales : int
        Octaves ``J``: wavelets at ``2 ** j`` pixels for ``j < J``.
    orientations : int
        Angles ``L`` over half a turn. Even, so that a quarter turn maps the set onto itself.
    windows : tuple of float
        Widths (standard deviations) of the Gaussian windows, as fractions of the canvas.
    """

    canvas: int = 96
    scales: int = 5
    orientations: int = 6
    windows: tuple[float, ...] = (0.08, 0.18, 0.36)


def centred_grid(size: int) -> tuple[Tensor, Tensor]:
    """Return radius (in units of the side) and position angle of each pixel about the centre."""
    axis = (torch.arange(size, dtype=torch.float64) - (size - 1) / 2) / size
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.hypot(x, y), torch.atan2(y, x)


class WaveletBank:
    """Morlet wavelets of a grid, ready to multiply spectra with.

    Scale ``j`` is computed on a grid thinned by ``2 ** j``. The thinned samples lie at the centres
    of their blocks, which a phase in the filters brings about; so quarter turns and mirror images
    of the canvas permute the responses and change nothing else.

    The wavelets are those of Bruna & Mallat (2013, arXiv 1203.1513, section 2): centre frequency
    ``3π/4 · 2^-j``, width ``0.8 · 2^j`` pixels, slant ``4/L``, no mean.
    """

    def __init__(self, grid: WaveletGrid, device: torch.device) -> None:
        self.grid = grid
        levels = range(grid.scales)
        self._filters = {
            (level, scale): self._bank(level, scale).to(device)
            for level in levels
            for scale in levels
            if level == 0 or scale > level
        }
        self._windows = [self._polar_windows(grid.canvas >> level).to(device) for level in levels]

    def modulus(self, spectrum: Tensor, level: int, scale: int) -> Tensor:
        """Filter at all orientations and take the modulus.

        Parameters
        ----------
        spectrum : Tensor, shape (..., n, n), complex
            Fourier transform of a field that was thinned by ``2 ** level``.
        level, scale : int

        Returns
        -------
        Tensor, shape (..., L, m, m)
            With ``m = canvas / 2 ** scale``.
        """
        size = self.grid.canvas >> scale
        # Frequencies that the thinned grid cannot hold are dropped: the wavelet has none there.
        kept = _lowest_frequencies(spectrum.shape[-1], size).to(spectrum.device)
        low = spectrum.index_select(-1, kept).index_select(-2, kept)
        response: Tensor = torch.fft.ifft2(low[..., None, :, :] * self._filters[level, scale])
        return response.abs()

    def windows(self, level: int, order: int = 0) -> Tensor:
        """Return the windows times ``exp(i · order · angle)``: ``(K, n, n)``, complex."""
        magnitude, phase = self._windows[level]
        return torch.polar(magnitude, order * phase)

    def _polar_windows(self, size: int) -> Tensor:
        radius, angle = centred_grid(size)
        widths = torch.tensor(self.grid.windows, dtype=torch.float64)[:, None, None]
        gaussians = torch.exp(-0.5 * (radius / widths) ** 2)
        gaussians = gaussians / gaussians.sum(dim=(1, 2), keepdim=True)
        return torch.stack([gaussians, angle.expand_as(gaussians)]).float()

    def _bank(self, level: int, scale: int) -> Tensor:
        n_in, n_out = self.grid.canvas >> level, self.grid.canvas >> scale
        count = self.grid.orientations
        bank = torch.stack(
            [_morlet(n_in, scale - level, math.pi * k / count, 4 / count) for k in range(count)]
        )
        kept = _lowest_frequencies(n_in, n_out)
        bank = bank[:, kept][:, :, kept].to(torch.complex128)
        thinning = n_in // n_out
        frequency = torch.fft.fftfreq(n_out, dtype=torch.float64) * 2 * math.pi / thinning
        shift = torch.polar(torch.ones_like(frequency), frequency * (thinning - 1) / 2)
        bank = bank * shift[:, None] * shift[None, :] / thinning**2
        # The highest frequency has no mirror image on an even grid, so it would break symmetry.
        bank[:, n_out // 2, :] = 0
        bank[:, :, n_out // 2] = 0
        return bank.to(torch.complex64)


def _lowest_frequencies(n_in: int, n_out: int) -> Tensor:
    half = n_out // 2
    return torch.cat([torch.arange(half), torch.arange(n_in - half, n_in)])


def _morlet(size: int, scale: int, angle: float, slant: float) -> Tensor:
    """Return the Fourier transform of one Morlet wavelet on a ``size`` × ``size`` grid."""
    axis = torch.fft.fftfreq(size, dtype=torch.float64) * 2 * math.pi
    wy, wx = torch.meshgrid(axis, axis, indexing="ij")
    along = wx * math.cos(angle) + wy * math.sin(angle)
    across = (wy * math.cos(angle) - wx * math.sin(angle)) / slant
    centre, width = 0.75 * math.pi / 2**scale, 0.8 * 2**scale

    def bump(frequency: Tensor) -> Tensor:
        return torch.exp(-0.5 * width**2 * (frequency**2 + across**2))

    return bump(along - centre) - math.exp(-0.5 * (width * centre) ** 2) * bump(along)
