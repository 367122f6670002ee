"""Absolute Trader: research, back-test, rehearse and run trading rules with one engine.

Owns the version. Imports nothing, so that `import absolute` is free.
"""

__version__ = "0.1.0"
