"""One space for pictures and words: projection heads, contrastive losses, training."""
