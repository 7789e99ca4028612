"""What the daemon serves to browsers: the page, the addresses in mails, and where hubs bring what is new."""
