"""The market's side: books, fill models, costs, margin and the simulated venue."""
