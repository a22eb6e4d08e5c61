"""Whole networks in a graph, from the image to the logits."""
