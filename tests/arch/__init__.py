"""The house rules, as tests: layers, language level, sizes, names, totality."""
