"""Manual pages and completions, made from the program itself: the click tree, the settings and the tables of core."""
