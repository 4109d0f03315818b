"""Print layouts of monthly maps, made from a template."""
