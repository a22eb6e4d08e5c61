"""Pickles and files of torch.save, read from end to end without running what they ask for."""
