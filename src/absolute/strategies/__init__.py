"""Trading rules: each a pure plan plus a small state, from what is known to the orders it wants."""
