"""Classes from few labels: images, schematic symbols and words brought into one space."""
