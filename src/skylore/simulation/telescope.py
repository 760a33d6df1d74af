"""From light to a display image: seeing, noise, stretch and compression."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skylore.encoders.base import Pixels
from skylore.simulation.canvas import CANVAS, MARGIN, Colours, Plane

__all__ = ["Conditions", "blur", "choose_conditions", "expose"]

_Range = tuple[float, float]

_PIXEL = 0.6
"""Spread of a pixel's response; without it a shifted, sharp image would ring."""


@dataclass(frozen=True)
class Conditions:
    """How one image was taken and drawn.

    Attributes
    ----------
    look
        Which survey's pictures it resembles.
    seeing
        Full width at half maximum of the point spread function in pixels.
    wings
        Exponent β of the Moffat profile; small ones have broad wings.
    grain
        Smoothness of the noise in pixels: drizzled and enlarged cutouts have coarse grain.
    noise
        Levels (of 255) that one standard deviation of the sky is drawn as.
    background
        Levels of the sky in red, green and blue, ``(3,)``.
    saturation
        Factor on the contrast between the colours.
    softening
        ``Q`` of the asinh stretch (Lupton et al. 2004).
    quality
        JPEG quality.
    subsampling
        Pillow's chroma subsampling: 0 is 4:4:4, 2 is 4:2:0.
    gain
        Sky-noise units of light whose own shot noise equals the sky's.
    grey
        Share of the noise that the bands have in common, as drawn and compressed pictures do.
    shifts
        ``(3, 2)`` pixels by which the bands are misaligned.
    """

    look: str
    seeing: float
    wings: float
    grain: float
    noise: float
    background: NDArray[np.float64]
    saturation: float
    softening: float
    quality: int
    subsampling: int
    gain: float
    grey: float
    shifts: NDArray[np.float64]


@dataclass(frozen=True)
class _Look:
    weight: float
    seeing: _Range
    grain: _Range
    noise: _Range
    sky: tuple[_Range, _Range, _Range]
    saturation: _Range
    quality: _Range
    subsampling: int
    shift: float
    grey: float


_LOOKS = {
    "sdss": _Look(0.5, (3.0, 7.0), (0.8, 1.7), (3.4, 7.5), ((1, 6), (1, 6), (0, 3)),
                  (0.85, 1.45), (82, 95), 2, 0.25, 0.75),
    "decals": _Look(0.25, (2.6, 5.0), (0.0, 0.55), (8, 16), ((14, 34), (14, 34), (14, 34)),
                    (0.1, 0.8), (78, 94), 0, 0.1, 0.6),
    "cfhtls": _Look(0.13, (2.6, 5.2), (0.7, 1.0), (3.5, 7), ((2, 6), (2, 6), (4, 10)),
                    (1.1, 1.9), (82, 96), 0, 0.1, 0.6),
    "any": _Look(0.12, (2.2, 7.0), (0.0, 1.8), (2, 13), ((-3, 35), (-3, 35), (-3, 35)),
                 (0.1, 1.6), (60, 97), 2, 0.4, 0.4),
}  # fmt: skip
"""Ranges read off cutouts of the surveys: level and grain of the sky, sharpness, colour."""


def choose_conditions(rng: np.random.Generator, radius: float, sharpness: float) -> Conditions:
    """Choose conditions for a galaxy of ``radius`` pixels.

    Parameters
    ----------
    rng
        Chooses.
    radius
        Apparent radius in pixels.
    sharpness
        The fewest seeing widths that a radius must hold for the structure to be seen; 0 for any.
    """
    weights = np.array([look.weight for look in _LOOKS.values()])
    name = str(rng.choice(list(_LOOKS), p=weights / weights.sum()))
    look = _LOOKS[name]
    seeing = float(rng.uniform(*look.seeing))
    if sharpness:
        seeing = float(np.clip(seeing, 2.2, max(radius / sharpness, 2.2)))
    common = rng.random()
    sky = [
        low + (high - low) * np.clip(common + rng.normal(0, 0.06), 0, 1) for low, high in look.sky
    ]
    return Conditions(
        look=name,
        seeing=seeing,
        wings=float(rng.uniform(2.5, 5.0)),
        grain=float(rng.uniform(*look.grain)),
        noise=float(np.exp(rng.uniform(*np.log(look.noise)))),
        background=np.array(sky),
        saturation=float(rng.uniform(*look.saturation)),
        softening=float(rng.uniform(5, 11)),
        quality=int(rng.uniform(*look.quality)),
        subsampling=look.subsampling,
        gain=float(np.exp(rng.uniform(np.log(4), np.log(80)))),
        grey=look.grey,
        shifts=rng.normal(0, look.shift, (3, 2)),
    )


def blur(light: Colours, conditions: Conditions) -> Colours:
    """Convolve with a Moffat PSF (Moffat 1969), each band shifted by its misalignment."""
    from scipy import fft

    frequency = np.fft.fftfreq(CANVAS)
    across, down = frequency[: CANVAS // 2 + 1].copy(), frequency[:, None]
    across[-1] = abs(across[-1])
    transfer = fft.rfft2(np.fft.ifftshift(_moffat(conditions.seeing, conditions.wings)))
    transfer *= np.exp(-2 * (np.pi * _PIXEL) ** 2 * (across**2 + down**2)).astype(np.float32)
    seen = np.empty_like(light)
    for band, (x, y) in enumerate(conditions.shifts):
        turn = np.exp(-2j * np.pi * (across * x + down * y)).astype(np.complex64)
        seen[band] = fft.irfft2(fft.rfft2(light[band]) * (transfer * turn), s=light.shape[1:])
    return np.maximum(seen, 0)


def _moffat(width: float, beta: float) -> Plane:
    axis = (np.arange(CANVAS, dtype=np.float32) - CANVAS // 2) ** 2
    core = width / (2 * np.sqrt(2 ** (1 / beta) - 1))
    profile = (1 + (axis[:, None] + axis[None, :]) * np.float32(1 / core**2)) ** np.float32(-beta)
    return np.asarray(profile / profile.sum(), dtype=np.float32)


def expose(light: Colours, conditions: Conditions, rng: np.random.Generator) -> Pixels:
    """Add noise to blurred light (in units of the sky's noise), draw it, and compress it.

    Returns
    -------
    Pixels
        ``(SIDE, SIDE, 3)`` uint8, without the margin.
    """
    inner = slice(MARGIN, CANVAS - MARGIN)
    seen = light[:, inner, inner]
    grain = _grain(rng, conditions, seen.shape)
    noisy = seen + grain * np.sqrt(1 + seen / np.float32(conditions.gain))
    return _compress(_stretch(noisy, conditions), conditions)


def _grain(rng: np.random.Generator, conditions: Conditions, shape: tuple[int, ...]) -> Colours:
    """Return noise of unit variance, correlated between neighbours and partly between bands."""
    from scipy.ndimage import gaussian_filter1d

    noise = rng.standard_normal(shape, dtype=np.float32)
    common = rng.standard_normal(shape[1:], dtype=np.float32)
    grey = np.float32(conditions.grey)
    noise = np.sqrt(1 - grey) * noise + np.sqrt(grey) * common
    if conditions.grain > 0.3:
        for axis in (1, 2):
            noise = gaussian_filter1d(noise, conditions.grain, axis=axis, truncate=3.0, mode="wrap")
    return np.asarray(noise / noise.std(), dtype=np.float32)


def _stretch(light: Colours, conditions: Conditions) -> NDArray[np.float32]:
    """Draw on the asinh scale of Lupton et al. (2004, PASP 116, 133), colours kept.

    Written in levels per unit of noise, and with colours made stronger or weaker, neither of which
    the drawing of real bands (:func:`~skylore.imaging.render.render_bands`) does.
    """
    mean = light.mean(axis=0)
    if conditions.saturation != 1.0:
        light = np.maximum(mean, 0) + conditions.saturation * (light - mean) + np.minimum(mean, 0)
    q, slope = conditions.softening, conditions.noise
    soft = np.float32(slope * np.arcsinh(0.1 * q) / 25.5)
    bright = np.maximum(mean, 1e-6)
    levels = np.arcsinh(bright * soft) * np.float32(slope) / soft
    factor = np.where(mean > 1e-6, levels / bright, np.float32(slope))
    drawn = light * factor + conditions.background[:, None, None].astype(np.float32)
    brightest = drawn.max(axis=0)
    return np.where(brightest > 255, drawn * (255 / np.maximum(brightest, 1)), drawn)


def _compress(drawn: NDArray[np.float32], conditions: Conditions) -> Pixels:
    from PIL import Image

    levels = np.clip(np.round(drawn), 0, 255).astype(np.uint8).transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(levels)).save(
        buffer, "JPEG", quality=conditions.quality, subsampling=conditions.subsampling
    )
    with Image.open(buffer) as image:
        return np.array(image, dtype=np.uint8)
