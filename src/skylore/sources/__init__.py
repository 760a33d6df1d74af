"""Where objects come from: folders, mosaics, FITS cutouts, Parquet, ready-made vectors."""
