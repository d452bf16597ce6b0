"""Lists of names that are known from elsewhere, such as those of a taxonomy, and where a text has them."""
