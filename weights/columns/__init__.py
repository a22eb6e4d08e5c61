"""What the framework packages do alike: in each stands only what a framework has a word for."""
