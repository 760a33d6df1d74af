"""Regions of the sky: cones, boxes, polygons and coverage maps, as values and as filters."""
