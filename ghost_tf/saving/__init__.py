"""What Keras asks of a layer that it saves: a configuration, names and flags that last."""
