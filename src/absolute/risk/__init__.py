"""What stands between every wish and every venue: checks, limits, the seal of approval."""
