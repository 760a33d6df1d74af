"""What the scattering encoder measures: ratios that turning or mirroring an image leaves alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skylore.encoders.wavelets import WaveletBank

__all__ = ["Descriptors"]

_BRIGHTNESS_FLOOR = 1e-2
_CONTRAST_FLOOR = 1e-3
_SECOND_ORDER_FLOOR = 1e-4
_LOG_WEIGHT = 0.2
_LIGHT_HARMONICS = (1, 2, 3, 4)
_DETAIL_HARMONICS = (1, 2, 3)


class Descriptors:
    """Scattering coefficients of orders 0, 1 and 2, made invariant, for a batch of canvases.

    Each is an average under Gaussian windows about the centre. Orders are renormalised by the
    order below (Bruna & Mallat 2013, section 2.3), so that brightness cancels; logarithms tame
    their range. Logarithms get the weight 0.2, which brings their spread near that of the ratios.

    - *Light*: concentration and colour; angular harmonics 1–4 of brightness (lopsided, elongated…).
    - *Detail*, order 1: strength of each scale, in light and in two colours; angular harmonics of
      where the detail lies; how much its orientations agree with one another (anisotropy), and
      with the direction to the centre (tangential rings, radial spokes, and, in the imaginary
      part, whose sign is dropped, spirals).
    - *Pattern*, order 2: strength of each pair of scales by relative angle (Sifre & Mallat 2013),
      and its anisotropy.
    """

    def __init__(self, bank: WaveletBank) -> None:
        self._bank = bank
        count = bank.grid.orientations
        self._lags = (torch.arange(count)[None, :] + torch.arange(count)[:, None]) % count
        self._angles = torch.arange(count) * (2 * math.pi / count)

    def __call__(self, canvas: Tensor, detail: Tensor) -> tuple[Tensor, Tensor]:
        """Measure ``N`` canvases.

        Parameters
        ----------
        canvas : Tensor, shape (N, 3, n, n)
            RGB from 0 to 1.
        detail : Tensor, shape (N, 3, n, n)
            The same with its border brought smoothly to zero, for the wavelets.

        Returns
        -------
        logarithms : Tensor, shape (N, A)
            Weighted; they mean something against those of a reference image.
        ratios : Tensor, shape (N, B)
            Zero for an image without the structure that they measure.
        """
        light, *tints = self._channels(canvas)
        level = self._mean(light, 0) + _BRIGHTNESS_FLOOR
        logs = [(level / level[:, -1:]).log()]
        logs += [self._mean(tint, 0) / level for tint in tints]
        ratios = [self._harmonics(light, 0, _LIGHT_HARMONICS) / level[:, :, None]]
        spectrum, *tint_spectra = torch.fft.fft2(self._channels(detail))
        for scale in range(self._bank.grid.scales):
            waves = self._bank.modulus(spectrum, 0, scale)
            strength = self._mean(waves.mean(1), scale) + _CONTRAST_FLOOR
            logs.append((strength / level).log())
            logs += [(self._tint(tint, scale) / level).log() for tint in tint_spectra]
            ratios += self._first_order(waves, scale, strength)
            more_logs, more_ratios = self._second_order(waves, scale, strength)
            logs += more_logs
            ratios += more_ratios
        return _LOG_WEIGHT * _joined(logs), _joined(ratios)

    @staticmethod
    def _channels(canvas: Tensor) -> Tensor:
        red, green, blue = canvas.unbind(1)
        return torch.stack([canvas.mean(1), red - blue, green - (red + blue) / 2])

    def _mean(self, field: Tensor, level: int) -> Tensor:
        """Average ``(..., n, n)`` under the windows: ``(..., K)``."""
        weights = self._bank.windows(level).real
        return torch.einsum("...yx,kyx->...k", field, weights)

    def _harmonics(self, field: Tensor, level: int, orders: tuple[int, ...]) -> Tensor:
        weights = torch.stack([self._bank.windows(level, order) for order in orders])
        return torch.einsum("nyx,mkyx->nkm", field.to(weights.dtype), weights).abs()

    def _tint(self, spectrum: Tensor, scale: int) -> Tensor:
        return self._mean(self._bank.modulus(spectrum, 0, scale).mean(1), scale) + _CONTRAST_FLOOR

    def _anisotropy(self, by_angle: Tensor, orders: tuple[int, ...]) -> Tensor:
        """Moduli of the Fourier coefficients over orientation, ``(..., L) -> (..., M)``."""
        return (by_angle.to(torch.complex64) @ self._phases(orders, by_angle.device)).abs()

    def _phases(self, orders: tuple[int, ...], device: torch.device) -> Tensor:
        phases = self._angles[:, None] * torch.tensor(orders)
        count = self._bank.grid.orientations
        return (torch.polar(torch.ones_like(phases), -phases) / count).to(device)

    def _first_order(self, waves: Tensor, scale: int, strength: Tensor) -> list[Tensor]:
        by_angle = self._mean(waves, scale).movedim(1, -1)
        found = [
            self._anisotropy(by_angle, (1, 2)),
            self._harmonics(waves.mean(1), scale, _DETAIL_HARMONICS),
        ]
        # An orientation is a direction up to half a turn, hence the doubled position angle.
        for order in (1, 2):
            phases = self._phases((order,), waves.device)[:, 0]
            twist = torch.einsum("nlyx,l->nyx", waves.to(phases.dtype), phases)
            aligned = torch.einsum("nyx,kyx->nk", twist, self._bank.windows(scale, 2 * order))
            found.append(torch.stack([aligned.real, aligned.imag.abs()], dim=-1))
        return [part / strength[:, :, None] for part in found]

    def _second_order(
        self, waves: Tensor, scale: int, strength: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        logs, ratios = [], []
        spectrum = torch.fft.fft2(waves)
        for next_scale in range(scale + 1, self._bank.grid.scales):
            again = self._mean(self._bank.modulus(spectrum, scale, next_scale), next_scale)
            pattern = again.permute(0, 3, 1, 2)
            logs.append(((self._by_lag(pattern) + _SECOND_ORDER_FLOOR) / strength[..., None]).log())
            ratios.append(self._anisotropy(pattern.mean(2), (1,)) / strength[..., None])
        return logs, ratios

    def _by_lag(self, pattern: Tensor) -> Tensor:
        """Average ``(N, K, L, L)`` over turns, then over the mirror image: ``(N, K, L/2 + 1)``."""
        count = self._bank.grid.orientations
        turned = pattern[:, :, torch.arange(count), self._lags].mean(-1)
        mirrored = turned[:, :, (-torch.arange(count)) % count]
        return ((turned + mirrored) / 2)[:, :, : count // 2 + 1]


def _joined(parts: list[Tensor]) -> Tensor:
    return torch.cat([part.flatten(1) for part in parts], dim=1)
