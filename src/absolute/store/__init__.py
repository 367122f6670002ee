"""What is kept: the journal of events and what followed from them."""
