"""The words of the venues: signing, and rows to and from JSON; pure, both directions."""
