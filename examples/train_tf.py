"""The recipe in Keras' `fit`, on the devices of a strategy of `tf.distribute`."""

import os

import keras
import numpy as np
import tensorflow as tf
from recipe import taught

import ghost_tf
from weights import ArgumentError


def train(run):
    """Train to the end, from the last checkpoint on; the network is saved after every epoch."""
    recipe, strategy = run.recipe, _strategy()
    run.check_devices(strategy.num_replicas_in_sync)
    keras.utils.set_random_seed(recipe.seed)
    with strategy.scope():
        network = _network(recipe)
        rate = keras.optimizers.schedules.CosineDecay(recipe.rate, recipe.epochs * run.steps)
        optimizer = keras.optimizers.AdamW(
            rate, weight_decay=recipe.weight_decay, epsilon=1e-8, use_ema=bool(recipe.average),
            ema_momentum=recipe.average or 0.99,
        )  # fmt: skip
        network.compile(optimizer, keras.losses.CategoricalCrossentropy(from_logits=True))
        if run.first_epoch:
            optimizer.build(network.trainable_variables)
            network.load_weights(run.checkpoint(run.first_epoch, ".weights.h5"))
    teacher = ghost_tf.from_file(recipe.teacher) if recipe.teacher else None

    def batches():
        for epoch in range(run.first_epoch, recipe.epochs):
            for x, targets in run.batches(epoch):
                if teacher is not None:
                    logits = teacher(x, training=False)
                    targets = taught(recipe, targets, keras.ops.convert_to_numpy(logits))
                yield x, targets

    shapes = (recipe.size, recipe.size, recipe.channels), (recipe.classes,)
    signature = tuple(tf.TensorSpec((recipe.batch, *shape), tf.float32) for shape in shapes)
    data = tf.data.Dataset.from_generator(batches, output_signature=signature)
    network.fit(
        data, initial_epoch=run.first_epoch, epochs=recipe.epochs, steps_per_epoch=run.steps,
        callbacks=[_Record(run)], shuffle=False, verbose=0,
    )  # fmt: skip


class _Record(keras.callbacks.Callback):
    """Records and saves after every epoch, with the averaged weights where there are some."""

    def __init__(self, run):
        super().__init__()
        self.run = run

    def on_epoch_end(self, epoch, logs=None):
        network, own = self.model, self.model.get_weights()
        network.save_weights(self.run.checkpoint(epoch + 1, ".weights.h5"))
        if self.run.recipe.average:
            network.optimizer.finalize_variable_values(network.trainable_variables)
        ghost_tf.save_weights(network, self.run.folder / "network.safetensors", overwrite=True)
        # `predict_on_batch` would give the answers of every replica.
        self.run.record(epoch, logs["loss"], lambda x: np.asarray(network(x, training=False)))
        network.set_weights(own)


def _strategy():
    if "TF_CONFIG" in os.environ:
        raise ArgumentError(
            "Keras' `fit` cannot read what MultiWorkerMirroredStrategy hands out: leave TF_CONFIG "
            "out and take the devices of one machine, or PyTorch or Flax for several processes"
        )
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def _network(recipe):
    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    kind = ghost_tf.weights_io.ARCHITECTURES[recipe.architecture]
    dtype = "mixed_bfloat16" if recipe.mixed else "float32"
    made = kind(**recipe.arguments, dtype=dtype, synchronized=several)
    made.build((None, recipe.size, recipe.size, recipe.channels))
    if recipe.start:
        ghost_tf.load_weights(made, recipe.start)
    return made
