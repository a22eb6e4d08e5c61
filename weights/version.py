"""The version of the distribution `ghostconv`, of which the five packages are parts.

It stands here alone: the build reads it, so that a checkout that is not installed knows it too.
"""

__version__ = "0.1.0"
