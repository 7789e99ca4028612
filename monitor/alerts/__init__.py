"""Who hears of a development, in which words, and by which way."""
