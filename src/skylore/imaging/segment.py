"""Tell the central object of a display image from sky and from its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scene", "segment_scene"]

_Image = NDArray[np.float64]
_Labels = NDArray[np.int32]

_THRESHOLD = 3.0  # in units of the noise of the smoothed sky
_FEWEST_PIXELS = 8
_SPLIT_DEPTH = 0.10
_CENTRAL_WIDTH = 0.12  # how far off the middle the central object may lie, in sides


@dataclass(frozen=True)
class Scene:
    """What stands where on one image.

    Attributes
    ----------
    light
        ``(H, W)`` luminance above the sky, in display counts.
    noise
        Standard deviation of the sky in ``light``.
    labels
        ``(H, W)`` label of the source that each pixel belongs to, 0 for sky.
    blends
        ``(H, W)`` label of the connected region above the threshold; sources that touch share it.
    central
        Label of the central source, or 0 if there is none.
    """

    light: _Image
    noise: float
    labels: _Labels
    blends: _Labels
    central: int


def segment_scene(luminance: _Image) -> Scene:
    """Segment an image, and choose its central source.

    Connected pixels above the sky are split into sources along valleys: two peaks belong to
    different sources if the lower one rises at least a tenth of its own height (and 3 times
    the noise) above the pass between them, which is its topographic persistence. Arms and clumps of
    one galaxy rise less once seeing has smoothed them.

    Parameters
    ----------
    luminance
        ``(H, W)``, display counts.
    """
    from scipy.ndimage import gaussian_filter, label

    sky, noise = _sky(luminance)
    light = luminance - sky
    smooth = gaussian_filter(light, 1.0)
    _, smooth_noise = _sky(smooth)
    above = smooth > _THRESHOLD * max(smooth_noise, 1.0 / _THRESHOLD)
    blends, _ = label(above, structure=np.ones((3, 3)))
    blends = _drop_small(blends.astype(np.int32))
    labels = _split(gaussian_filter(light, 1.5), blends, smooth_noise)
    return Scene(light, noise, labels, blends, _central(light, labels))


def _sky(image: _Image) -> tuple[float, float]:
    """Level and noise of the sky, from the dark side of the pixel histogram near the border."""
    height, width = image.shape
    rim = max(2, min(height, width) // 8)
    border = np.concatenate(
        [image[:rim].ravel(), image[-rim:].ravel(), image[:, :rim].ravel(), image[:, -rim:].ravel()]
    )
    for _ in range(6):
        level = float(np.median(border))
        spread = 1.4826 * float(np.median(np.abs(border - level)))
        kept = border[np.abs(border - level) <= 3 * max(spread, 0.5)]
        if kept.size == border.size or kept.size < 16:
            break
        border = kept
    # 8-bit samples know no smaller noise than their rounding
    return level, max(float(np.std(border)), 0.3)


def _drop_small(blends: _Labels) -> _Labels:
    areas = np.bincount(blends.ravel())
    areas[0] = 0
    kept: _Labels = np.where(areas[blends] >= _FEWEST_PIXELS, blends, 0).astype(np.int32)
    return kept


def _split(smooth: _Image, blends: _Labels, noise: float) -> _Labels:
    """Give each persistent peak its own label, and each pixel to the peak it descends from."""
    from skimage.measure import label
    from skimage.morphology import local_maxima
    from skimage.segmentation import watershed

    markers = label(local_maxima(smooth) & (blends > 0))
    basins: _Labels = watershed(-smooth, markers, mask=blends > 0).astype(np.int32)
    count = int(basins.max())
    if count < 2:
        return basins
    peaks = np.zeros(count + 1)
    np.maximum.at(peaks, basins.ravel(), smooth.ravel())
    owner = _merge_shallow(peaks, _passes(smooth, basins), 3 * noise)
    merged = owner[basins]
    dense = np.unique(merged, return_inverse=True)[1].reshape(basins.shape).astype(np.int32)
    split: _Labels = dense if (merged == 0).any() else dense + 1
    return split


def _passes(smooth: _Image, basins: _Labels) -> list[tuple[float, int, int]]:
    """Find the highest pass between each two touching basins: ``(height, one, other)``."""
    found: list[NDArray[Any]] = []
    for one, other, low in (
        (basins[:, :-1], basins[:, 1:], np.minimum(smooth[:, :-1], smooth[:, 1:])),
        (basins[:-1], basins[1:], np.minimum(smooth[:-1], smooth[1:])),
        (basins[:-1, :-1], basins[1:, 1:], np.minimum(smooth[:-1, :-1], smooth[1:, 1:])),
        (basins[:-1, 1:], basins[1:, :-1], np.minimum(smooth[:-1, 1:], smooth[1:, :-1])),
    ):
        touch = (one != other) & (one > 0) & (other > 0)
        found.append(np.column_stack([low[touch], one[touch], other[touch]]))
    passes = np.concatenate(found)
    order = np.argsort(-passes[:, 0], kind="stable")
    return [(float(h), int(a), int(b)) for h, a, b in passes[order]]


def _merge_shallow(
    peaks: _Image, passes: list[tuple[float, int, int]], least: float
) -> NDArray[np.intp]:
    """Merge basins from the highest pass down, unless both sides are peaks in their own right."""
    owner = np.arange(len(peaks))
    for height, one, other in passes:
        a, b = owner[one], owner[other]
        if a == b:
            continue
        low, high = (a, b) if (peaks[a], b) < (peaks[b], a) else (b, a)
        if peaks[low] - height < max(least, _SPLIT_DEPTH * peaks[low]):
            owner[owner == low] = high
    return owner


def _central(light: _Image, labels: _Labels) -> int:
    """Choose the source with the most light, discounted by its distance from the middle."""
    count = int(labels.max())
    if count == 0:
        return 0
    height, width = light.shape
    y, x = np.mgrid[:height, :width]
    distance = np.hypot((y - (height - 1) / 2) / height, (x - (width - 1) / 2) / width)
    weight = np.exp(-0.5 * (distance / _CENTRAL_WIDTH) ** 2)
    claim = np.bincount(labels.ravel(), (np.clip(light, 0, None) * weight).ravel(), count + 1)
    claim[0] = 0
    best = int(np.argmax(claim))
    # light that far out belongs to no central object
    near = distance[labels == best].min() <= 2 * _CENTRAL_WIDTH
    return best if near and claim[best] > 0 else 0
