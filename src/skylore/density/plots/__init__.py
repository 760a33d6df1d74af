"""Drawings of densities: marginals, conditionals, joint draws beside the data, calibration."""
