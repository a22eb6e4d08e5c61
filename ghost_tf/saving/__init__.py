"""Saving in Keras' own formats: configurations, names and flags that last."""
