"""The doors to real venues: profiles, the ccxt adapter, limits, errors, the fleet, the vault."""
