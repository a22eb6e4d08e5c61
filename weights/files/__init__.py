"""The interchange file: its bytes, its header, its digests, and writing it safely."""
