"""The pure step, the drivers that feed it, and the figures of what it did."""
