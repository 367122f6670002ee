"""The terminal's face: reads words, calls the desk, prints. It decides nothing about money."""
