"""Where objects come from: folders, tables, mosaics, FITS, Parquet, HDF5, HATS, cutout services."""
