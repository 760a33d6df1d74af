"""Image and text encoders behind two small protocols."""
