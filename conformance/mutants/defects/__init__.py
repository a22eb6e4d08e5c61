"""The defects, in tables: a name, what is wrong, the tier that must see it, and the change."""
