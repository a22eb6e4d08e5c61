"""Networks of users: their modules told as a file tells them, saved, loaded and deployed."""
