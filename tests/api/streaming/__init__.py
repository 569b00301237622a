"""The general pieces of live connections, over real sockets and a real database."""
