"""Goals: what is to be reached, in all the ways in which it can be said."""
