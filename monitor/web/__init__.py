"""What the daemon serves to browsers: so far, the addresses in mails that silence a storyline or end following it."""
