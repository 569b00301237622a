"""Messages to people, by SMS and e-mail: who may be written to, what became of each message, and what it cost."""
