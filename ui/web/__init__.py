"""What stands between the server and the browser: the command, and the files that reach a page."""
