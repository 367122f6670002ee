"""Results of experiments and the pages that show them."""
