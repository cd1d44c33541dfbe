"""What people command through the console: what each command will do, in words, and what is sent for it."""
