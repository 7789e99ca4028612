"""Where entries come from: fetched politely, parsed at arm's length."""
