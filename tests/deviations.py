"""Where a column may differ from the oracle, and why; an entry that nothing needs is an error."""

from __future__ import annotations

# Definitions that some columns have and others need not: classes and functions by their names,
# methods by their names after a dot.
OWN_DEFINITIONS = {
    "relu": "a framework brings its activations",
    "relu6": "likewise",
    "silu": "likewise",
    "hard_swish": "likewise",
    "identity": "likewise",
    "LeakyReLU": "likewise",
    "check_input": "Keras checks it before it calls a layer, in `Planned`",
    "function_of": "Keras has layers that apply an activation function",
    "inside": "PyTorch wraps modules in modules",
    "concrete": "JAX traces values",
    ".unwrapped": "PyTorch wraps modules in modules",
    ".__getitem__": "PyTorch's Sequential has it",
    ".make_like": "a framework's module has places, modes and frozen variables",
    ".make_empty": "a framework can make a module without values, or must leave its random numbers",
    ".variables_of": "PyTorch may compute a tensor from others",
    ".dtype_of": "PyTorch's types are no strings that NumPy knows",
    ".assign": "PyTorch writes what a tensor is computed from",
    ".create_variables": "Keras creates variables when it knows the input",
    ".parts": "nobody makes networks of the oracle's modules",
    ".exchanged": "likewise",
    ".array_of": "likewise",
    ".value_of": "likewise",
    ".prepare_inference": "a framework has modes and orders in memory",
    ".compute_output_shape": "Keras asks for it in symbolic use",
    "._from_arguments": "how Keras builds again what it saved",
    ".get_config": "what Keras saves of it",
    "rematerialised": "recomputing blocks is offered in PyTorch and JAX",
    "_frozen_statistics": "PyTorch moves running statistics again when it recomputes",
}

# Files and rooms that not every column has.
OWN_FILES = {
    ("oracle", "training.py"): "a framework has derivatives of its own",
    ("oracle", "walk.py"): "likewise a way to the parts of a module",
    ("oracle", "weighted.py"): "a framework brings its convolution, norm and linear layer",
    ("oracle", "planned.py"): "a framework's base classes ask for more, in a room of its own",
    ("ghost_torch", "framework"): "what PyTorch hooks, casts, traces and computes unasked",
    ("ghost_jax", "framework"): "a norm whose variance is unbiased, modules without values",
    ("ghost_tf", "framework"): "explicit padding, the order of axes, what runs Keras",
    ("ghost_tf", "saving"): "Keras builds again what it saved",
    ("ghost_torch", "replacing"): "the oracle is no framework: nobody builds models from it",
    ("ghost_jax", "replacing"): "likewise",
    ("ghost_tf", "replacing"): "likewise",
    ("ghost_torch", "ordinary"): "what a framework's own layers and networks are told by",
    ("ghost_jax", "ordinary"): "likewise",
    ("ghost_tf", "ordinary"): "likewise",
    ("ghost_torch", "recording"): "how the framework's modules are called, and watched",
    ("ghost_jax", "recording"): "likewise",
    ("ghost_tf", "recording"): "likewise",
    ("ghost_torch", "exporting"): "what a framework writes for runtimes",
    ("ghost_jax", "exporting"): "likewise",
    ("ghost_tf", "exporting"): "likewise",
    ("ghost_jax", "native.py"): "what Flax itself writes has names of its own",
    ("ghost_tf", "native.py"): "likewise Keras",
    ("ghost_tf", "applications"): "networks as `keras.applications` has them",
    ("ghost_torch", "modes.py"): "other ways of running a framework; the oracle has one",
    ("ghost_jax", "modes.py"): "likewise",
    ("ghost_tf", "modes.py"): "likewise",
    ("ghost_tf", "backends.py"): "Keras alone runs on several frameworks",
    ("ghost_torch", "synchronised.py"): "PyTorch synchronises statistics on GPUs alone",
    ("ghost_torch", "timm_models.py"): "timm builds PyTorch's networks by name",
    ("ghost_torch", "replicas"): "a framework has engines of its own for several devices",
    ("ghost_jax", "replicas"): "likewise",
    ("ghost_tf", "replicas"): "likewise",
}

# Files of which only the public functions are compared, not how they do it.
INTERFACES = {
    "layers.py": "its functions call the framework's own layers",
    "facts.py": "what the framework's own layers have",
    "adapter.py": "the way into the framework and out of it",
    "weights_io.py": "what it is to make the framework's modules and to hold tensors in them",
}

# Functions whose statements are the framework's own.
OWN_BODIES = {
    "_walk": "what a module holds of its parts is the framework's",
    "_settings": "the framework's names of settings",
}

# What is for the users of a framework, and no part of the oracle.
FOR_USERS = (
    "FeatureNetwork", "deploy", "from_hub", "ghostnet_050", "ghostnet_100", "ghostnet_130", "ghostnetv2_100",
    "ghostnetv2_130", "ghostnetv2_160", "ghostnetv3_050", "ghostnetv3_100", "ghostnetv3_130",
    "ghostnetv3_160", "repghostnet_050", "repghostnet_058", "repghostnet_080", "repghostnet_100",
    "repghostnet_111", "repghostnet_130", "repghostnet_150", "repghostnet_200",
    "from_pretrained", "push_to_hub", "register", "replace_convolutions", "reset_classifier",
    "save_pretrained",
)  # fmt: skip
EXPORTED = "\n".join(f"+ __all__ = {name!r}" for name in FOR_USERS)
CALLS = """
    + deploy =
    + from_hub =
    + from_pretrained =
    + push_to_hub =
    + reset_classifier =
    + save_pretrained =
"""

# Networks that users make, of which the oracle knows nothing.
NETWORKS = """
    + Framework.base =
    + Framework.layer_of =
"""
CHANNELS_LAST = """
    + Framework.channels_last = True
"""

# File -> why -> lines of its skeleton that the oracle has and it has not (-), or the reverse (+).
DEVIATIONS = {
    "ghost_torch/__init__.py": {
        "the oracle is no framework: nobody builds models from it": CALLS + EXPORTED,
        "it writes artefacts for runtimes": """
            + export =
            + __all__ = 'export'
        """,
    },
    "ghost_jax/__init__.py": {
        "the oracle is no framework: nobody builds models from it": CALLS + EXPORTED,
        "it writes artefacts for runtimes": """
            + export =
            + __all__ = 'export'
        """,
    },
    "ghost_tf/__init__.py": {
        "the oracle is no framework: nobody builds models from it": CALLS + EXPORTED,
        "it writes artefacts for runtimes": """
            + export =
            + __all__ = 'export'
        """,
    },
    "ghost_jax/adapter.py": {
        "JAX alone is compiled throughout": """
            - class Adapter: One built module; inference unless a training step is asked for.
            + class Adapter: One built module; inference unless a training step is asked for; always under jit.
            + def Adapter._run(self, function): The result of a function of the module and these inputs.
        """,
    },
    "ghost_jax/facts.py": {
        "Flax's layers have much beside what decides their result": """
            - LAYERS =
            + SETTINGS = nnx.Conv, nnx.BatchNorm, nnx.Linear, nnx.Dropout, layers.Folded
            + CONTAINERS =
            + ACCESS =
        """,
    },
    "ghost_jax/layers.py": {
        "train() and eval() of Flax set what they find": """
            + Folded.use_running_average = False
        """,
        "with `axis_name` the values of every device count": """
            - def in_training(norm): Whether the normalisation will use the statistics of the batch.
            + def in_training(norm): Whether the normalisation will use the statistics of the batch on this device.
        """,
    },
    "ghost_tf/adapter.py": {
        "Keras alone names every module": """
            + class ToBeFilled: Makes modules of one name, without random numbers, which the weights would replace.
            + def ToBeFilled.make(self, architecture, config): The module, with its architecture for a name and zeros for kernels and biases.
        """,
        "its modes put tf.function around it": """
            + def Adapter._gradients(self, x, cotangent, sources): The output in training, and the gradients of input and sources.
        """,
    },
    "ghost_torch/facts.py": {
        "layers of PyTorch's are told by its own words": """
            - LAYERS =
            + TENSORS =
            + SAME =
            + WRAPPED =
            + WRAPPERS =
            + HARMLESS =
        """,
    },
    "ghost_torch/ghost_conv.py": {
        "Sequential holds the three by itself": """
            - ConvNormAct.__init__: self.conv =
            - ConvNormAct.__init__: self.norm =
            - ConvNormAct.__init__: self.act =
        """,
    },
    "ghost_jax/networks/ghostnet.py": {
        "recomputing blocks is offered in PyTorch and JAX": """
            + BottleneckNetwork.remat =
        """,
    },
    "ghost_torch/networks/ghostnet.py": {
        "recomputing blocks is offered in PyTorch and JAX": """
            + BottleneckNetwork.remat =
        """,
        "PyTorch's exported quantiser takes one layer that is called twice for one call": """
            + BottleneckNetwork._set_up: self.relu_head =
        """,
    },
    "ghost_torch/layers.py": {
        "SyncBatchNorm, which PyTorch can put in its place, counts the values of every device": """
            - def in_training(norm): Whether the normalisation will use the statistics of the batch.
            + def in_training(norm): Whether the normalisation will use the statistics of the batch on this device.
        """,
    },
    "ghost_tf/branches.py": {
        "Keras asks it for its arguments when it saves the features of a network": """
            + ConvNorm.__init__: self._arguments =
        """,
    },
    "ghost_tf/facts.py": {
        "attributes of Keras' own stand beside those of the layer": """
            + ACTIVATIONS =
        """,
    },
    "ghost_tf/networks/basic_block.py": {
        "Keras asks it for its arguments when it saves the stages of a network": """
            + BasicBlock.__init__: self._arguments =
        """,
    },
    "ghost_jax/networks/features.py": {
        "Flax's modules need no constructor": """
            - FeatureNetwork.__init__: nn.Module.__init__(...)
        """,
    },
    "ghost_tf/networks/features.py": {
        "Keras names models, makes lists of its own, and sees no functions that are attributes": """
            + class Named: The keyword of Keras' own that is not the network's.
            + Named.name =
            - FeatureNetwork.__init__: nn.Module.__init__(...)
            - FeatureNetwork.__init__: self.plan =
            + FeatureNetwork.__init__: options =
            + FeatureNetwork.__init__: self.relu =
            + FeatureNetwork.__init__:   object.__setattr__(...)
            + def FeatureNetwork._set_up(self, plan): Nothing: the layers are those of the network.
        """,
        "Keras' layers in lists are attributes too, by the paths there": """
            + _layers: found =
            + _layers: listed =
            + def _flat(value): What stands in lists of lists.
            + _flat: return
        """,
    },
    "ghost_tf/networks/resnet.py": {
        "`training` makes the line of the stem too long for one statement": """
            + GhostResNet._steps: out =
        """,
    },
    "ghost_tf/networks/vgg.py": {
        "Keras makes a list of its own of every list; the network is built when one is called": """
            + GhostVGG16._set_up: object.__setattr__(...)
            - Features.plan =
            - property Features.first_norm(self): The batch normalisation that tells whether the convolutions are in training.
            - Features.first_norm: return
            + Features.network =
            + Features.call: self.network._check_input(...)
            + Features.call: if not self.network.built
            + Features.call:   self.network.build(...)
            - _features: features =
            - _features: features.plan =
            + def _callable(network): The convolutions of the network, of which Keras made a list of its own.
            + _callable: features =
            + _callable: features.network =
            + _callable: return
        """,
    },
    "ghost_torch/weights_io.py": {
        "nobody makes networks of the oracle's modules": NETWORKS,
        "NumPy has no bfloat16 that PyTorch knows": """
            + BFLOAT16 =
        """,
        "a parameter may be computed from others, or spread over processes": """
            + Framework.assign =
        """,
    },
    "ghost_jax/weights_io.py": {
        "nobody makes networks of the oracle's modules": NETWORKS + CHANNELS_LAST,
        "attributes have other names than tensors": """
            + ATTRIBUTES = tensors.CONVOLUTION, tensors.DEPTHWISE, tensors.LINEAR, tensors.NORM_WEIGHT, tensors.RUNNING_MEAN, tensors.RUNNING_VAR
            + Framework.attributes =
        """,
    },
    "ghost_tf/weights_io.py": {
        "nobody makes networks of the oracle's modules": NETWORKS + CHANNELS_LAST,
        "attributes have other names than tensors": """
            + ATTRIBUTES = tensors.CONVOLUTION, tensors.DEPTHWISE, tensors.LINEAR, tensors.NORM_WEIGHT, tensors.NORM_BIAS, tensors.RUNNING_MEAN, tensors.RUNNING_VAR
            + Framework.attributes =
        """,
    },
    # Files that the oracle has not are compared with those of ghost_torch.
    "ghost_jax/variants.py": {
        "PyTorch has one type and a device, Flax two types, axes and random numbers": """
            - Own.device =
            + Own.param_dtype =
            + Own.axis_name =
            + Own.axis_index_groups =
            + Own.rngs =
        """,
    },
    "ghost_tf/variants.py": {
        "Keras orders axes, and has keywords that all its layers take; no recomputing": """
            - Own.remat =
            - Own.device =
            - Own.dtype =
            + Own.data_format =
        """,
    },
}
