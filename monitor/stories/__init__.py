"""What entries mean: which storyline they belong to, and whether they tell something new. Pure: no I/O, no clock."""
