"""Denoising diffusion in one dimension: schedules, samplers of few steps, densities of draws."""
