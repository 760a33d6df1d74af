"""The provider's batch protocol: half the price for answers within a day (files, then batches)."""
