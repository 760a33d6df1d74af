"""Decoding: every format in, 8-bit RGB or a clear refusal out."""

import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from skylore.errors import ImageError
from skylore.imaging.decode import AS_GIVEN, decode, encode_png, to_display


def galaxy(height=24, width=30):
    y, x = np.mgrid[:height, :width]
    light = np.exp(-np.hypot(y - height / 2, (x - width / 2) / 1.5) / 4)
    return (light[..., None] * np.array([250, 180, 120])).astype(np.uint8)


def encoded(pixels, kind, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(samples, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, samples, **options)
    return buffer.getvalue()


LOSSLESS = {
    "PNG": encoded(galaxy(), "PNG"),
    "WEBP": encoded(galaxy(), "WEBP", lossless=True),
    "TIFF": encoded(galaxy(), "TIFF"),
    "TIFF-lzw": encoded(galaxy(), "TIFF", compression="tiff_lzw"),
    "TIFF-deflate": tiff(galaxy(), compression="zlib", photometric="rgb"),
}
WHOLE = LOSSLESS | {"JPEG": encoded(galaxy(), "JPEG", quality=95)}


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_give_the_pixels_back(name):
    np.testing.assert_array_equal(decode(LOSSLESS[name]), galaxy())


def test_jpeg_is_close_to_the_pixels():
    difference = decode(WHOLE["JPEG"]).astype(int) - galaxy()
    assert np.abs(difference).mean() < 4


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP"])
def test_display_keeps_rgb_bytes_untouched(name):
    display = to_display(WHOLE[name])
    assert display.data == WHOLE[name]
    assert (display.width, display.height, display.rendering) == (30, 24, AS_GIVEN)


def test_display_of_tiff_is_png_with_the_same_pixels():
    display = to_display(LOSSLESS["TIFF"])
    assert display.data.startswith(b"\x89PNG")
    assert display.rendering == "TIFF re-encoded as PNG"
    np.testing.assert_array_equal(decode(display.data), galaxy())


@pytest.mark.parametrize("name", WHOLE)
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_cut_file_is_refused_unless_every_pixel_survived(name, data):
    whole = WHOLE[name]
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        pixels = decode(cut)
    except ImageError:
        return
    np.testing.assert_array_equal(pixels, decode(whole))


@pytest.mark.parametrize("name", WHOLE)
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_corrupt_bytes_raise_image_errors_alone(name, data):
    broken = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = decode(bytes(broken), max_pixels=100_000)
    except ImageError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_random_bytes_are_refused(data):
    with pytest.raises(ImageError):
        decode(data)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "PPM", "ICO"])
def test_other_formats_are_not_opened(kind):
    with pytest.raises(ImageError, match=r"unknown image format.*PNG, JPEG, TIFF or WebP"):
        decode(encoded(galaxy(), kind))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_images_too_small_to_show_anything_are_refused(kind):
    with pytest.raises(ImageError, match="1×1 pixels, too small"):
        decode(encoded(np.zeros((1, 1, 3), np.uint8), kind))
    with pytest.raises(ImageError, match="7×40"):
        decode(encoded(np.zeros((40, 7, 3), np.uint8), kind))


@pytest.mark.parametrize("name", WHOLE)
def test_size_limit_is_the_callers(name):
    assert decode(WHOLE[name], max_pixels=720).shape == (24, 30, 3)
    with pytest.raises(ImageError, match="30×24 pixels, more than the limit of 719"):
        decode(WHOLE[name], max_pixels=719)


def test_a_bomb_is_refused_from_its_header():
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n"
    for name, body in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")):
        crc = zlib.crc32(name + body)
        bomb += struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc)
    with pytest.raises(ImageError, match="60000×60000 pixels, more than the limit"):
        decode(bomb)


def test_greyscale_is_repeated():
    grey = galaxy()[..., 0]
    display = to_display(encoded(grey, "JPEG", quality=100))
    pixels = decode(display.data)
    assert display.rendering == "greyscale repeated in three channels"
    assert np.abs(pixels.astype(int) - grey[..., None]).max() < 8
    assert np.ptp(pixels, axis=2).max() == 0


def test_transparency_becomes_empty_sky():
    rgba = np.dstack([galaxy(), np.full((24, 30), 255, np.uint8)])
    rgba[:, :10, 3] = 0
    display = to_display(encoded(rgba, "PNG"))
    pixels = decode(display.data)
    assert display.rendering == "transparency laid over black"
    assert pixels[:, :10].max() == 0
    np.testing.assert_array_equal(pixels[:, 10:], galaxy()[:, 10:])


def test_palette_and_cmyk_are_converted():
    palette = Image.fromarray(galaxy()).quantize(64)
    buffer = io.BytesIO()
    palette.save(buffer, "PNG")
    assert to_display(buffer.getvalue()).rendering == "palette converted to RGB"
    buffer = io.BytesIO()
    Image.fromarray(galaxy()).convert("CMYK").save(buffer, "JPEG", quality=95)
    assert to_display(buffer.getvalue()).rendering == "CMYK converted to RGB"
    assert np.abs(decode(buffer.getvalue()).astype(int) - galaxy()).mean() < 4


def deep_galaxy(dtype, peak):
    rng = np.random.default_rng(5)
    light = galaxy()[..., 0] / 250 * peak + rng.normal(peak / 100, peak / 500, (24, 30))
    return light.astype(dtype)


DEEP = {
    "PNG uint16": lambda a: encoded(a.astype(np.uint16), "PNG"),
    "TIFF uint16": lambda a: tiff(a.astype(np.uint16)),
    "TIFF uint16 lzw": lambda a: encoded(a.astype(np.uint16), "TIFF", compression="tiff_lzw"),
    "TIFF float32": lambda a: tiff(a.astype(np.float32)),
    "TIFF float64 deflate": lambda a: tiff(a.astype(np.float64), compression="zlib"),
    "TIFF big-endian": lambda a: tiff(a.astype(np.uint16), byteorder=">"),
}


@pytest.mark.parametrize("name", DEEP)
@pytest.mark.parametrize("peak", [900.0, 60_000.0])
def test_deep_images_use_the_whole_display_range_in_order(name, peak):
    samples = np.floor(deep_galaxy(np.float64, peak).clip(0))
    display = to_display(DEEP[name](samples))
    drawn = decode(display.data)[..., 0]
    assert "asinh stretch" in display.rendering
    assert (drawn.min(), drawn.max()) == (0, 255)
    order = np.argsort(samples, axis=None)
    assert (np.diff(drawn.ravel()[order].astype(int)) >= 0).all()
    assert drawn[samples == samples.max()].min() == 255


def test_deep_rgb_tiff_keeps_its_low_byte_and_colour():
    samples = np.stack([deep_galaxy(np.uint16, peak) for peak in (250.0, 120.0, 60.0)], axis=2)
    display = to_display(tiff(samples, photometric="rgb"))
    pixels = decode(display.data)
    assert display.rendering.startswith("uint16 RGB, asinh")
    assert len(np.unique(pixels)) > 40
    assert tuple(np.argsort(pixels[12, 15])) == (2, 1, 0)


def test_sixteen_bit_rgb_png_says_what_is_lost():
    rows = (galaxy().astype(">u2") * 257).reshape(24, -1)
    raw = b"".join(b"\x00" + row.tobytes() for row in rows)
    data = b"\x89PNG\r\n\x1a\n"
    header = struct.pack(">IIBBBBB", 30, 24, 16, 2, 0, 0, 0)
    for name, body in ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")):
        crc = zlib.crc32(name + body)
        data += struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc)
    display = to_display(data)
    assert display.rendering == "16-bit colour reduced to its high byte"
    np.testing.assert_array_equal(decode(display.data), galaxy())


def test_white_is_zero_is_turned_over():
    samples = deep_galaxy(np.uint16, 9000.0)
    np.testing.assert_array_equal(
        decode(tiff(65535 - samples, photometric="miniswhite")), decode(tiff(samples))
    )


def test_missing_pixels_are_drawn_as_empty_sky_and_counted():
    samples = deep_galaxy(np.float32, 900.0)
    samples[:, :3] = np.nan
    display = to_display(tiff(samples))
    assert display.rendering.endswith("72 samples that are not finite drawn black")
    assert decode(display.data)[:, :3].max() == 0
    assert decode(display.data).max() == 255


def test_an_image_without_a_finite_pixel_is_refused():
    with pytest.raises(ImageError, match="no pixel of the image is finite"):
        decode(tiff(np.full((20, 20), np.nan, np.float32)))


def test_orientation_tags_do_not_turn_the_sky():
    exif = Image.Exif()
    exif[274] = 6
    turned = encoded(galaxy(), "JPEG", quality=95, exif=exif)
    np.testing.assert_array_equal(decode(turned), decode(WHOLE["JPEG"]))


def test_warnings_of_the_reader_do_not_leak():
    exif = Image.Exif()
    exif[274] = 1
    data = encoded(galaxy(), "JPEG", exif=exif)
    at = data.index(b"Exif\x00\x00") + 6
    corrupt = data[: at + 8] + b"\xff\x7f" + data[at + 10 :]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        decode(corrupt)
    assert not caught


def test_threads_agree_with_one_another():
    files = list(WHOLE.values()) * 20
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(decode, files))
    for data, pixels in zip(files, drawn, strict=True):
        np.testing.assert_array_equal(pixels, decode(data))


def test_encode_png_round_trips_and_refuses_flux():
    np.testing.assert_array_equal(decode(encode_png(galaxy())), galaxy())
    with pytest.raises(ImageError, match="render_bands"):
        encode_png(galaxy().astype(np.float32))
    with pytest.raises(ImageError, match=r"not \(24, 30\)"):
        encode_png(galaxy()[..., 0])
