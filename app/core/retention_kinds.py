"""What retention removes, by the names under which it is counted and remembered."""

LOG, TREE, RUN, MOMENT, RESULT = "log", "tree", "run", "moment", "result"
KINDS = (RUN, MOMENT, LOG, TREE, RESULT)
"""In the order in which people read them; logs and trees go before their runs."""
