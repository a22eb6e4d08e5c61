"""From an image to named classes, through whichever framework is installed."""
