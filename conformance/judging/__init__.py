"""How far a result may be from the truth, and the verdict."""
