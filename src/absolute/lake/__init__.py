"""Owns market data in files: reading, auditing, joining; knows nothing of orders or strategies."""
