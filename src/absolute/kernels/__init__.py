"""Owns the arrays: price tapes and the folds over them; knows integers and floats, never money."""
