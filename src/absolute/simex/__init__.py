"""The exchange in the box: a closed market that speaks the real wire protocols on loopback."""
