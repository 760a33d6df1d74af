"""Files in the layouts of the Multimodal Universe and of HATS, small."""

from __future__ import annotations

from pathlib import Path

import cdshealpix
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy import units as u
from astropy.coordinates import Latitude, Longitude

BANDS = ("des-g", "des-r", "des-i", "des-z")


def galaxy(seed: int, bands: int = 4, size: int = 24) -> np.ndarray:
    """Draw flux with noise and a blob below the middle: ``(bands, size, size)``, row 0 lowest."""
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    blob = 20 * np.exp(-((x - size / 2) ** 2 + (y - size / 4) ** 2) / 6)
    reddening = np.linspace(0.5, 2, bands)[:, None, None]
    return (chance.normal(0, 0.1, (bands, size, size)) + blob * reddening).astype(np.float32)


def places(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    return chance.uniform(0, 360, count), np.degrees(np.arcsin(chance.uniform(-1, 1, count)))


def pixels_at(order: int, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    lon, lat = Longitude(ra, u.deg), Latitude(dec, u.deg)
    return np.asarray(cdshealpix.lonlat_to_healpix(lon, lat, order)).astype(np.int64)


def write_universe(folder: Path, count: int = 10, *, files: int = 2, ids: str = "brick") -> Path:
    """Write ``healpix=N/001-of-001.hdf5`` files as ``scripts/legacysurvey`` of theirs does."""
    ra, dec = places(count)
    for number in range(files):
        rows = np.arange(count)[number::files]
        place = folder / f"healpix={1000 + number}"
        place.mkdir(parents=True)
        with h5py.File(place / "001-of-001.hdf5", "w") as file:
            columns = {
                "object_id": np.array([f"{ids}-{n:03d}".encode() for n in rows], "S16"),
                "RA": ra[rows],
                "DEC": dec[rows],
                "healpix": np.full(len(rows), 1000 + number),
                "EBV": np.linspace(0, 1, len(rows), dtype=">f4"),
                "TYPE": np.array([b"SER"] * len(rows), "S3"),
                "image_band": np.array([[b.encode() for b in BANDS]] * len(rows), "S5"),
                "image_array": np.stack([galaxy(n) for n in rows]),
                "image_ivar": np.ones((len(rows), 4, 24, 24), np.float32),
                "image_mask": np.ones((len(rows), 24, 24), bool),
                "image_psf_fwhm": np.ones((len(rows), 4)),
                "image_scale": np.full((len(rows), 4), 0.262, np.float32),
            }
            for name, values in columns.items():
                shape = (None, *values.shape[1:])
                file.create_dataset(
                    name, data=values, compression="gzip", chunks=True, maxshape=shape
                )
    return folder


def nested_images(numbers: range, *, listed: bool = False) -> pa.Array:
    """Nest images as ``datasets`` does: a struct of lists, or a list of structs."""
    rows = [galaxy(n) for n in numbers]
    if listed:
        one = {"psf_fwhm": 1.1, "scale": 0.262}
        return pa.array(
            [
                [{"band": b, "flux": f.tolist(), **one} for b, f in zip(BANDS, r, strict=True)]
                for r in rows
            ]
        )
    values = [
        {
            "band": list(BANDS),
            "flux": row.tolist(),
            "ivar": np.ones_like(row).tolist(),
            "mask": np.ones(row.shape, bool).tolist(),
            "psf_fwhm": [1.1] * 4,
            "scale": [0.262] * 4,
        }
        for row in rows
    ]
    return pa.array(values)


def write_hats(folder: Path, table: pa.Table, *, order: int = 1, nrows: int | None = None) -> Path:
    """Write a HATS table: one file a HEALPix cell of ``order``, with all that goes beside them."""
    ra, dec = table["ra"].to_numpy(), table["dec"].to_numpy()
    table = table.append_column("_healpix_29", pa.array(pixels_at(29, ra, dec)))
    cells = pixels_at(order, ra, dec)
    data = folder / "dataset"
    for cell in np.unique(cells):
        place = data / f"Norder={order}" / f"Dir={cell // 10_000 * 10_000}"
        place.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.filter(pa.array(cells == cell)), place / f"Npix={cell}.parquet")
    pq.write_metadata(table.schema, data / "_common_metadata")
    pq.write_metadata(table.schema, data / "_metadata")
    pq.write_table(table.slice(0, 2), data / "data_thumbnail.parquet")
    lines = "".join(f"{order},{cell}\n" for cell in np.unique(cells))
    (folder / "partition_info.csv").write_text(f"Norder,Npix\n{lines}")
    (folder / "hats.properties").write_text(
        "#HATS catalog\nobs_collection=little\ndataproduct_type=object\n"
        f"hats_nrows={table.num_rows if nrows is None else nrows}\n"
        "hats_col_ra=ra\nhats_col_dec=dec\nhats_order=1\n"
    )
    return folder
